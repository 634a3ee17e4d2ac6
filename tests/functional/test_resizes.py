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
"""A resize or a cold migration brings a server to its maximum.

Until it is confirmed, the old host keeps what the server had, and a revert
brings that back.
"""

from tests.functional import operations


class ResizesTest(operations.OperationsBase):
    """To another host, and on the same one."""

    def revert(self) -> None:
        self.do('revertResize', 'ACTIVE')
        self.assertEqual('reverted', self.end_of_move().status)

    def confirm(self) -> None:
        self.do('confirmResize', 'ACTIVE')
        self.assertEqual('confirmed', self.end_of_move().status)

    def resize(self, vcpus: int, minimum: int | None) -> None:
        specs = {
            'hw:cpu_policy': 'dedicated',
            'hw:cpu_thread_policy': 'isolate',
            'hw:numa_nodes': '2',
        }
        if minimum is not None:
            specs['wrs:min_vcpus'] = str(minimum)
        flavor = self._create_flavor(
            vcpu=vcpus, memory_mb=256, disk=1, ephemeral=0, extra_spec=specs
        )
        self.do('resize', 'VERIFY_RESIZE', {'flavorRef': flavor})

    def test_cold_migration(self) -> None:
        self.do('migrate', 'VERIFY_RESIZE')
        self.assert_maximum('host2')
        self.revert()
        self.assert_kept('host1')
        self.assert_still_scales()
        self.do('migrate', 'VERIFY_RESIZE')
        self.assert_maximum('host2')
        self.confirm()
        self.assert_maximum('host2')
        metadata = self.instance(self.server['id']).system_metadata
        self.assertNotIn('nova_ext_offline', metadata)
        self.scale_down(self.server, 1, 3)
        self.assert_kept('host2')

    def test_resize_to_a_flavor_that_is_not_scalable(self) -> None:
        self.resize(4, None)
        self.assert_maximum('host2')
        self.revert()
        self.assert_kept('host1')
        self.resize(4, None)
        self.confirm()
        self.assert_maximum('host2')

    def test_resize_to_a_higher_minimum_and_more_vcpus(self) -> None:
        self.resize(6, 5)
        self.assert_maximum('host2', 6)
        self.confirm()
        self.assert_maximum('host2', 6)
        self.assert_scales(self.server, 'down', cores=2)
        self.assertEqual([5, 5, 6], self.vcpus(self.server))

    def test_resize_on_the_same_host(self) -> None:
        # Nova looks there whether the old host is its own (_cleanup_resize).
        self.flags(allow_resize_to_same_host=True, host='host1')
        self.mark_down('host2', True)
        self.resize(4, 2)
        self.assert_maximum('host1')
        self.revert()
        self.assert_kept('host1')
        self.resize(4, 2)
        self.confirm()
        self.assert_maximum('host1')

    def test_a_silent_guests_request_waits_for_the_confirmation(self) -> None:
        """Its journal belongs to the old host's record until then."""
        self.guest(self.server).dies_after('up')
        self.assertIn('did not answer', self.scale(self.server, 'up')[1])
        self.guest(self.server).dies_after()
        self.do('migrate', 'VERIFY_RESIZE')
        self.audit()
        metadata = self.instance(self.server['id']).system_metadata
        self.assertIn('nova_ext_journal', metadata)
        self.revert()
        self.audit()
        self.assert_kept('host1')
