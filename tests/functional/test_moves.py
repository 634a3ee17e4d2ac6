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

from tests.functional import operations


class MovesTest(operations.OperationsBase):
    """There and back again."""

    def test_live_migration(self) -> None:
        self.live_migrate()
        self.assert_kept('host2')
        self.assert_still_scales()

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
        self._live_migrate(server, api=self.admin_api)
        self.assert_agreement()
        self.assertEqual({0}, self.guest(server).online)
        for _ in range(2):
            self.assert_scales(server, 'up', cores=2)

    def test_evacuation(self) -> None:
        self.fail_host('host1')
        self.evacuate('host2')
        self.return_host('host1')
        self.assert_kept('host2')
        self.assert_still_scales()

    def test_evacuation_from_a_host_that_was_only_cut_off(self) -> None:
        """Its copy of the server runs until it comes back."""
        self.fail_host('host1', power=False)
        self.evacuate('host2')
        self.return_host('host1')
        self.assert_kept('host2')

    def test_unshelving(self) -> None:
        self.flags(shelved_offload_time=0)
        self.do('shelve', 'SHELVED_OFFLOADED')
        self.assert_bystanders()
        self.do('unshelve', 'ACTIVE', {'host': 'host2'})
        self.assert_kept('host2')
        self.assert_still_scales()
