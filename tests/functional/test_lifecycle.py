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
"""A server stays scaled down through what Nova does to it."""

from typing import Any

from tests.functional import base

IMAGE = 'a2459075-d96c-40d5-893e-577ff92e721c'


class LifecycleTest(base.ScalingTestBase):
    """A real-time server at two of four vCPUs, and one beside it."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)
        self.server = self.boot(
            4,
            1,
            name='scaled',
            numa_nodes='1',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
        )
        self.other = self.boot(3, 1, name='neighbour')
        self.guest(self.server).picks(1)
        self.assert_scales(self.server, 'down')
        self.guest(self.server).picks(None)
        self.assert_scales(self.server, 'down')
        self.assert_scales(self.other, 'down')
        self.before = self.states()

    def do(self, action: str, status: str, argument: Any = None) -> None:
        """Start an action, and wait until it is over."""
        self.api.post_server_action(self.server['id'], {action: argument})
        self._wait_for_server_parameter(
            self.server, {'status': status, 'OS-EXT-STS:task_state': None}
        )

    def assert_still_scaled_down(self) -> None:
        """All is as before, and the server can scale."""
        self.assertEqual([1, 2, 4], self.vcpus(self.server))
        self.assertEqual({0, 2}, self.guest(self.server).online)
        self.assert_agreement()
        self.assertEqual(self.before, self.states())
        self.assert_scales(self.server, 'up')
        self.assert_scales(self.server, 'up')
        self.assert_scales(self.server, 'down')

    def test_pause(self) -> None:
        self.do('pause', 'PAUSED')
        self.assert_agreement()
        self.do('unpause', 'ACTIVE')
        self.assert_still_scaled_down()

    def test_suspend(self) -> None:
        self.do('suspend', 'SUSPENDED')
        self.assert_agreement()
        self.do('resume', 'ACTIVE')
        self.assert_still_scaled_down()

    def test_stop_and_start(self) -> None:
        self.do('os-stop', 'SHUTOFF')
        self.assert_agreement()
        self.do('os-start', 'ACTIVE')
        self.assert_still_scaled_down()

    def test_hard_reboot(self) -> None:
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        self.assert_still_scaled_down()

    def test_soft_reboot(self) -> None:
        self.do('reboot', 'ACTIVE', {'type': 'SOFT'})
        self.assert_still_scaled_down()

    def test_soft_reboot_of_another_parking_vcpu(self) -> None:
        """The persistent definition follows each step, down and up."""
        self.assert_scales(self.server, 'up')
        self.do('reboot', 'ACTIVE', {'type': 'SOFT'})
        self.assertEqual({0, 1, 2}, self.guest(self.server).online)
        self.assert_agreement()

    def test_rebuild(self) -> None:
        self.do('rebuild', 'ACTIVE', {'imageRef': IMAGE})
        self.assert_still_scaled_down()

    def test_restart_of_nova_compute(self) -> None:
        self.restart('host1')
        self.assert_still_scaled_down()

    def test_restart_of_the_host(self) -> None:
        """``resume_guests_state_on_host_boot`` starts what ran before."""
        self.flags(resume_guests_state_on_host_boot=True)
        self.domain(self.server).destroy()
        self.domain(self.other).destroy()
        self.restart('host1')
        self._wait_for_server_parameter(
            self.server, {'OS-EXT-STS:power_state': 1}
        )
        self.assert_still_scaled_down()

    def test_pins_before_the_guest_has_read_its_metadata(self) -> None:
        """A guest that comes up with all vCPUs shares the parking core."""
        self.world.boot_scripts = False
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        self.assertEqual({0, 1, 2, 3}, self.guest(self.server).online)
        domain = self.domain(self.server)
        parking = domain.live.vcpus[0]
        self.assertEqual(parking, domain.live.vcpus[1])
        self.assertEqual(parking, domain.live.vcpus[3])
        self.assertEqual(domain.live.vcpus, domain.config.vcpus)
        # What the boot script does.
        self.guest(self.server).online = {0, 2}
        self.assert_still_scaled_down()

    def test_metadata_names_the_parked_vcpus(self) -> None:
        instance = self.instance(self.server['id'])
        self.assertEqual('0xa', instance.system_metadata['nova_ext_offline'])
