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
"""The database or placement goes away in the middle of a scale step.

It stays away until the caller has its answer; then it returns, and one audit
passes. What the caller was told and what the record says must be the same:
an error or the result, never both. ``NOVA_EXT_OUTAGES=all`` lets it go with
every effect of a step, else with each that it has a part in; ``pytest -s``
shows the table.
"""

from collections.abc import Iterator
import os
from typing import Any

from tests.functional import base
from tests.functional.fakes import outage
from tests.functional.fakes.outage import CHANGES
from tests.functional.fakes.outage import DATABASE
from tests.functional.fakes.outage import PLACEMENT

ALL = os.environ.get('NOVA_EXT_OUTAGES') == 'all'
#: The effects that the usual run tries.
USUAL = {
    DATABASE: ('save', 'placement'),
    PLACEMENT: ('placement read', 'placement'),
}
#: Where a request leads that is told to have succeeded.
ENDS = {'down': 2, 'up': 4}


class OutageTest(base.ScalingTestBase):
    """A real-time server at three of four vCPUs, and one beside it."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)
        self.boot(2, 1, name='neighbour')
        self.server = self.boot(
            4,
            1,
            name='scaled',
            numa_nodes='1',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
        )
        self.outage = self.useFixture(outage.Outage(self.world.effects))

    def _bring_to(self, count: int) -> None:
        current = self.vcpus(self.server)[1]
        while current != count:
            direction = 'up' if current < count else 'down'
            self.assertEqual((202, ''), self.scale(self.server, direction))
            current = self.vcpus(self.server)[1]

    def _effects_of(self, direction: str) -> list[str]:
        self.world.effects.record()
        self.assertEqual((202, ''), self.scale(self.server, direction))
        return list(self.world.effects.stop())

    def _outages(
        self, service: str, direction: str
    ) -> Iterator[tuple[int, str, bool]]:
        """Yield each effect to try, its name, and whether it still happens."""
        for number, name in enumerate(self._effects_of(direction), 1):
            if ALL or name in USUAL[service]:
                yield number, name, False
            if name == CHANGES[service]:
                yield number, name, True

    def _assert_true(self, direction: str, status: int, text: str) -> None:
        """What the caller was told is so in the end."""
        self.outage.end()
        self.audit()
        self.assert_agreement()
        self.assertNotIn(outage.SECRET, text)
        self.assertIn(status, (202, 503), text)
        done = ('done', ENDS[direction])
        if status == 202:
            self.assertEqual(done, self._ended())
        else:
            self.assertEqual(3, self.vcpus(self.server)[1])
            # A request that has not begun leaves no trace but its action.
            self.assertNotEqual(done, self._ended())

    def _ended(self, key: str = 'reached') -> tuple[str, Any]:
        last = self.last_request(self.server)
        return last['state'], last[key]

    def _assert_told_the_truth(self, service: str) -> None:
        for direction in ENDS:
            self._bring_to(3)
            for number, name, late in self._outages(service, direction):
                self._bring_to(3)
                self.outage.begin(service, number, late)
                status, text = self.scale(self.server, direction)
                print(
                    '%-9s %-4s %2d  %-14s %-5s %d %s'
                    % (
                        service,
                        direction,
                        number,
                        name,
                        'late' if late else '',
                        status,
                        text,
                    )
                )
                self._assert_true(direction, status, text)

    def test_the_database_goes(self) -> None:
        self._assert_told_the_truth(DATABASE)

    def test_placement_goes(self) -> None:
        self._assert_told_the_truth(PLACEMENT)

    def test_a_first_step_whose_save_is_not_answered(self) -> None:
        """No earlier one tells this host what the server's pins were."""
        at = self._effects_of('down').index('save', 1) + 1
        self._bring_to(4)
        self.restart('host1')
        self.outage.begin(DATABASE, at, late=True)
        status, text = self.scale(self.server, 'down')
        self.assertEqual(503, status)
        self.outage.end()
        self.assertEqual(3, self.vcpus(self.server)[1])
        self.audit()
        self.assert_agreement()
        self.assertEqual(4, self.vcpus(self.server)[1])
        self.assertEqual(('failed', text), self._ended('reason'))

    def test_a_failed_step_whose_undo_cannot_be_saved(self) -> None:
        """The guest would take the vCPU later: it was told to be a failure."""
        self._bring_to(3)
        at = self._effects_of('up').index('guest') + 1
        self._bring_to(3)
        guest = self.guest(self.server)
        for misbehave in (guest.is_silent, guest.refuses):
            misbehave('up')
            self.outage.begin(DATABASE, at)
            status, text = self.scale(self.server, 'up')
            self.assertEqual(400, status)
            misbehave()
            self.outage.end()
            self.audit()
            self.assert_agreement()
            self.assertEqual(3, self.vcpus(self.server)[1])
            self.assertEqual(('failed', text), self._ended('reason'))

    def test_a_new_request_comes_before_the_audit(self) -> None:
        self._bring_to(3)
        at = self._effects_of('down').index('placement')
        self._bring_to(3)
        self.outage.begin(DATABASE, at)
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.outage.end()
        status, text = self.scale(self.server, 'down')
        self.assertEqual(409, status, text)
        self.audit()
        self.assert_agreement()
        self.assert_scales(self.server, 'down')
