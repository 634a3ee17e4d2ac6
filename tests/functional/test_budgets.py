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
"""The budgets of one scale step, counted."""

from typing import Any

from tests.functional import base

#: What must never wait inside Nova's lock on the host's resources.
SLOW = {'guest', 'pin', 'policy', 'define', 'placement', 'placement read'}


class BudgetsTest(base.ScalingTestBase):
    """Down and up of one vCPU, with and without real-time."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)
        self.boot(2, 1, name='neighbour')

    def assert_within_budget(self, server: dict[str, Any]) -> None:
        for direction in ('down', 'down', 'up', 'up'):
            effects = self.world.effects
            effects.record()
            self.assertEqual((202, ''), self.scale(server, direction))
            log = effects.stop()
            self.assertEqual(1, effects.count('guest'), log)
            self.assertLessEqual(effects.count('save'), 3, log)
            self.assertLessEqual(
                effects.count('placement', 'placement read'), 2, log
            )
            self.assertEqual(0, effects.count('audit'), log)
            self.assertEqual(set(), SLOW & set(effects.under_lock))
            self.assertIn('save node', effects.under_lock)

    def test_plain(self) -> None:
        self.assert_within_budget(self.boot(4, 1, numa_nodes='1'))

    def test_realtime(self) -> None:
        server = self.boot(
            4,
            1,
            numa_nodes='1',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
        )
        self.assert_within_budget(server)

    def test_down_releases_last_and_up_acquires_first(self) -> None:
        server = self.boot(
            4,
            1,
            numa_nodes='1',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
        )
        order = ['guest', 'policy', 'pin', 'save node', 'placement']
        for direction in ('down', 'up'):
            self.world.effects.record()
            self.assertEqual((202, ''), self.scale(server, direction))
            log = self.world.effects.stop()
            found = sorted(order, key=log.index)
            self.assertEqual(order, found, log)
            order = ['placement', 'save node', 'pin', 'policy', 'guest']

    def test_a_target_costs_as_much_as_its_steps(self) -> None:
        server = self.boot(4, 1, numa_nodes='1')
        effects = self.world.effects
        for online in (1, 4):
            effects.record()
            status, _ = self.ask(
                'PUT',
                '/servers/%s/vcpu-scale' % server['id'],
                {'vcpu_scale': {'online': online}},
            )
            self.assertEqual(202, status)
            self.settle()
            log = effects.stop()
            self.assertEqual(3, effects.count('guest'), log)
            self.assertLessEqual(effects.count('save'), 3 * 3, log)
            self.assertLessEqual(
                effects.count('placement', 'placement read'), 3 * 2, log
            )
            self.assertEqual(online, self.vcpus(server)[1])

    def test_a_refusal_asks_nobody(self) -> None:
        server = self.boot(2, 2)
        effects = self.world.effects
        effects.record()
        self.assertEqual(400, self.scale(server, 'down')[0])
        self.assertEqual(['save'], effects.stop())
