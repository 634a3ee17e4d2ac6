#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.
"""nova-compute dies between any two steps, and starts again.

The process dies just before each of its effects in turn, until a request
comes through alive; so every gap between two steps is tried, without this
test knowing the steps. ``pytest -s`` shows the table of effect by outcome.
"""

from typing import Any

from nova import context as nova_context

from nova_ext.compute import endpoint
from tests.functional import base
from tests.functional.fakes.effects import Killed

#: More effects than any step has.
ENOUGH = 80

#: Of the effects of a nova-compute that starts, each n-th is tried.
EVERY = 12


class CrashTest(base.ScalingTestBase):
    """A server that dies in the middle, and one beside it."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)

    def _ask(self, server: dict[str, Any], **wish: Any) -> Any:
        """Call the RPC method itself: a dead process never answers."""
        instance = self.instance(server['id'])
        scaler = self.computes['host1'].driver._scaler
        return endpoint.ScalingEndpoint(scaler).scale(
            nova_context.get_admin_context(),
            instance=instance,
            direction=wish.get('direction'),
            target=wish.get('target'),
            wait=True,
        )

    def _dies(self, server: dict[str, Any], number: int, **wish: Any) -> bool:
        self.world.effects.kill_before(number, self.computes['host1'].manager)
        try:
            answer = self._ask(server, **wish)
        except Killed:
            pass
        else:
            self.assertNotIn('error', answer)
        return self.world.effects.revive()

    def assert_survives(
        self, server: dict[str, Any], start: int, **wish: Any
    ) -> None:
        """Whenever the process dies, a restart makes everything agree.

        :param start: how many vCPUs are online before each request.
        """
        outcomes = []
        for number in range(1, ENOUGH):
            self._bring_to(server, start)
            died = self._dies(server, number, **wish)
            effect = self.world.effects.log[-1] if died else '(lives)'
            self.restart('host1')
            self.settle()
            self.audit()
            self.assert_agreement()
            outcomes.append(self.vcpus(server)[1])
            print(
                '%-25s %3d  %-15s %d online'
                % (wish, number, effect, outcomes[-1])
            )
            if number > 1:
                self.assert_last_request_is_true(server)
            if not died:
                break
        self.assertFalse(died, 'the request never came to its end')
        # At first it has not happened, in the end it has.
        end = outcomes[-1]
        self.assertNotEqual(start, end)
        self.assertEqual(start, outcomes[0])
        between = range(min(start, end), max(start, end) + 1)
        self.assertLessEqual(set(outcomes), set(between))
        self.assertGreater(len(outcomes), 6)

    def test_a_second_death_while_it_starts(self) -> None:
        """The recovery of a scale request is cut off, too."""
        server = self._plain()
        for direction, start in (('down', 4), ('up', 3)):
            for first in (7,):
                for second in range(1, ENOUGH, EVERY):
                    self._bring_to(server, start)
                    self._dies(server, first, direction=direction)
                    self.restart('host1', dies_before=second)
                    self.settle()
                    died = self.world.effects.died.is_set()
                    self.restart('host1')
                    self.settle()
                    self.audit()
                    self.assert_agreement()
                    self.assert_last_request_is_true(server)
                    if not died:
                        break

    def _bring_to(self, server: dict[str, Any], count: int) -> None:
        current = self.vcpus(server)[1]
        while current != count:
            direction = 'up' if current < count else 'down'
            self.assertEqual((202, ''), self.scale(server, direction))
            current = self.vcpus(server)[1]

    def _plain(self) -> dict[str, Any]:
        self.boot(2, 1, name='neighbour')
        return self.boot(4, 1, name='scaled', numa_nodes='1')

    def _realtime(self) -> dict[str, Any]:
        self.boot(2, 1, name='neighbour')
        return self.boot(
            4,
            1,
            name='scaled',
            numa_nodes='1',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
        )

    def test_down(self) -> None:
        self.assert_survives(self._plain(), 4, direction='down')

    def test_up(self) -> None:
        self.assert_survives(self._plain(), 3, direction='up')

    def test_down_with_realtime(self) -> None:
        self.assert_survives(self._realtime(), 4, direction='down')

    def test_up_with_realtime(self) -> None:
        self.assert_survives(self._realtime(), 3, direction='up')

    def test_down_to_one_with_an_old_agent(self) -> None:
        server = self.boot(2, 1, name='scaled', numa_nodes='1')
        self.guest(server).knows_hints = False
        self.assert_survives(server, 2, direction='down')

    def test_up_from_one_with_an_old_agent(self) -> None:
        server = self.boot(2, 1, name='scaled', numa_nodes='1')
        self.guest(server).knows_hints = False
        self.assert_survives(server, 1, direction='up')

    def test_down_by_two(self) -> None:
        self.assert_survives(self._plain(), 4, target=2)

    def test_up_by_two(self) -> None:
        self.assert_survives(self._plain(), 2, target=4)
