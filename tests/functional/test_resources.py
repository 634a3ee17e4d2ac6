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
"""Plug-ins' usage through all that Nova does with a server, on two hosts.

The values of usage are pCPUs free, used by scalable servers, returnable and
promised, pCPUs with real-time vCPUs, and compute units.
"""

from tests.functional import resources

#: Nothing on a host; and there three vCPUs, two of them real-time.
NONE = '8 0 0 0 0 0'
THREE = '5 3 2 0 2 1.5'


class ResourcesTest(resources.ResourcesTestBase):
    """One scalable real-time server with 1.5 compute units."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', 'host2', cores=4)
        self.audit()
        self.assert_usage(host1=NONE, host2=NONE)
        self.small = self.flavor(
            3,
            1,
            hw__cpu_realtime='yes',
            hw__cpu_realtime_mask='^0',
            cu__units='1.5',
        )
        self.server = self.start(self.small, 'host1')
        self.assert_usage(host1=THREE, host2=NONE)

    def test_totals(self) -> None:
        stats = self.stats('host1')
        self.assertEqual('8', stats['realtime_pcpu_limit'])
        self.assertEqual('8', stats['compute_unit_total'])
        self.assertEqual(
            '{"0":{"free":1,"promised":0,"returnable":2,"used":3},'
            '"1":{"free":4,"promised":0,"returnable":0,"used":0}}',
            stats['vcpu_scale_cells'],
        )

    def test_delete(self) -> None:
        other = self.start(self.flavor(2, cu__units='2'), 'host1')
        self.assert_usage(host1='3 3 2 0 2 3.5', host2=NONE)
        self._delete_server(self.server)
        self.assert_usage(host1='6 0 0 0 0 2', host2=NONE)
        self._delete_server(other)
        self.assert_usage(host1=NONE, host2=NONE)

    def test_delete_of_a_scaled_server(self) -> None:
        self.assert_scales(self.server, 'down')
        self._delete_server(self.server)
        self.assert_usage(host1=NONE, host2=NONE)

    def test_scale(self) -> None:
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.assert_usage(host1='6 2 1 1 1 1.5', host2=NONE)
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.assert_usage(host1='7 1 0 2 0 1.5', host2=NONE)
        self.assertEqual((202, ''), self.scale(self.server, 'up'))
        self.assert_usage(host1='6 2 1 1 1 1.5', host2=NONE)
        self.assertEqual((202, ''), self.scale(self.server, 'up'))
        self.assert_usage(host1=THREE, host2=NONE)

    def test_a_scale_step_that_is_undone(self) -> None:
        self.guest(self.server).is_silent('down')
        status, _ = self.scale(self.server, 'down')
        self.assertEqual(400, status)
        self.assertEqual(THREE.split(), list(self.usage('host1')))
        self.guest(self.server).is_silent()
        self.audit()
        self.assert_usage(host1=THREE, host2=NONE)

    def test_resize_to_another_host(self) -> None:
        flavor = self.flavor(2, cu__units='0.5')
        self._resize_server(self.server, flavor)
        self.assertEqual('host2', self.host_of(self.server))
        self.assert_usage(host1=THREE, host2='6 0 0 0 0 0.5')
        self._confirm_resize(self.server)
        self.assert_usage(host1=NONE, host2='6 0 0 0 0 0.5')

    def test_resize_and_back(self) -> None:
        self._resize_server(self.server, self.flavor(2, cu__units='0.5'))
        self._revert_resize(self.server)
        self.assert_usage(host1=THREE, host2=NONE)

    def test_resize_on_the_same_host(self) -> None:
        self.flags(allow_resize_to_same_host=True)
        self._disable('host2')
        self._resize_server(self.server, self.flavor(2, cu__units='0.5'))
        self.assert_usage(host1='3 3 2 0 2 2', host2=NONE)
        self._confirm_resize(self.server)
        self.assert_usage(host1='6 0 0 0 0 0.5', host2=NONE)

    def test_resize_on_the_same_host_and_back(self) -> None:
        self.flags(allow_resize_to_same_host=True)
        self._disable('host2')
        self._resize_server(self.server, self.flavor(2, cu__units='0.5'))
        self._revert_resize(self.server)
        self.assert_usage(host1=THREE, host2=NONE)

    def test_cold_migration(self) -> None:
        self._migrate_server(self.server)
        self.assert_usage(host1=THREE, host2=THREE)
        self._confirm_resize(self.server)
        self.assert_usage(host1=NONE, host2=THREE)

    def test_live_migration(self) -> None:
        self.src, self.dest = self.computes['host1'], self.computes['host2']
        self._live_migrate(self.server, host='host2')
        self.assertEqual('host2', self.host_of(self.server))
        self.audit()
        self.assert_usage(host1=NONE, host2=THREE)

    def test_evacuation(self) -> None:
        self.computes['host1'].stop()
        self.admin_api.put_service_force_down(self._service('host1'), True)
        self._evacuate_server(self.server, expected_host='host2')
        self.assertEqual(THREE.split(), list(self.usage('host2')))
        self.restart('host1')
        self.audit()
        self.assert_usage(host1=NONE, host2=THREE)

    def test_shelve_and_unshelve(self) -> None:
        self.flags(shelved_offload_time=-1)
        self._shelve_server(self.server, expected_state='SHELVED')
        self.assert_usage(host1=THREE, host2=NONE)
        self._shelve_offload_server(self.server)
        self.assert_usage(host1=NONE, host2=NONE)
        self._disable('host1')
        self._unshelve_server(self.server)
        self.assertEqual('host2', self.host_of(self.server))
        self.assert_usage(host1=NONE, host2=THREE)

    def test_rebuild_and_stop_change_nothing(self) -> None:
        self._stop_server(self.server)
        self.assert_usage(host1=THREE, host2=NONE)
        self._start_server(self.server)
        self._rebuild_server(
            self.server, 'a2459075-d96c-40d5-893e-577ff92e721c'
        )
        self.assert_usage(host1=THREE, host2=NONE)

    def test_restart_of_nova_compute(self) -> None:
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.restart('host1')
        self.audit()
        self.assert_usage(host1='6 2 1 1 1 1.5', host2=NONE)

    def test_a_build_that_fails(self) -> None:
        """What was claimed goes back."""
        self.useFixture(
            resources.fixtures.MockPatch(
                'nova.virt.libvirt.driver.LibvirtDriver.spawn',
                side_effect=ValueError('no'),
            )
        )
        self.start(self.small, 'host2', state='ERROR')
        self.audit()
        self.assert_usage(host1=THREE, host2=NONE)

    def _disable(self, host: str) -> None:
        self.admin_api.put_service(self._service(host), {'status': 'disabled'})

    def _service(self, host: str) -> str:
        (service,) = self.admin_api.get_services(
            binary='nova-compute', host=host
        )
        found: str = service['id']
        return found
