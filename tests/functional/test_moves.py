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
"""A scaled-down server stays so on the host that it moves to."""

import fixtures

from nova_ext import exception
from tests.functional import operations


class MovesTest(operations.OperationsBase):
    """There and back again."""

    def test_live_migration(self) -> None:
        self.live_migrate()
        self.assert_kept('host2')
        self.assert_still_scales()
        self.live_migrate()
        self.assert_agreement()
        self.assertNotIn('was cut off', self.stdlog.logger.output)

    def test_live_migration_with_no_vcpu_left_that_is_realtime(self) -> None:
        server = self.boot(
            3,
            1,
            name='almost off',
            numa_nodes='1',
            cpu_thread_policy='isolate',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
        )
        self.scale_down(server, 1, 2)
        self.server = server
        self.live_migrate()
        self.assert_agreement()
        self.assertEqual({0}, self.guest(server).online)
        for _ in range(2):
            self.assert_scales(server, 'up', cores=2)

    def test_evacuation(self) -> None:
        self.fail_host('host1')
        self.evacuate('host2')
        self.assert_agreement()
        self.return_host('host1')
        self.assert_kept('host2')
        self.assert_still_scales()

    def test_evacuation_from_a_host_that_was_only_cut_off(self) -> None:
        """Its copy of the server runs until it comes back."""
        self.fail_host('host1', power=False)
        self.evacuate('host2')
        self.assert_agreement()
        # The old host's allocation is still there, and stays as it is.
        self.assert_still_scales()
        self.return_host('host1')
        self.assert_agreement()
        self.assert_bystanders()
        self.assertEqual([1, 3, 4], self.vcpus(self.server))

    def test_unshelving(self) -> None:
        self.flags(shelved_offload_time=0)
        for host in ('host1', 'host2'):
            self.do('shelve', 'SHELVED_OFFLOADED')
            self.assert_agreement()
            self.assert_bystanders()
            self.do('unshelve', 'ACTIVE', {'host': host})
            self.assert_kept(host)
        self.assert_still_scales()

    def test_placement_is_away_when_it_arrives(self) -> None:
        """The claim stands; the next audit gives back what is too much."""
        report = 'nova_ext.compute.allocations.InstanceAllocation._put'
        away = exception.PlacementFailed(reason='away')
        with fixtures.MockPatch(report, side_effect=away):
            self.live_migrate()
        self.audit()
        self.assert_kept('host2')
