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
"""A server stays scaled down through what Nova does to it on its host."""

from typing import Any

from nova import context as nova_context
from nova.virt import event

from tests.functional import operations
from tests.functional.fakes import snapshots


class LifecycleTest(operations.OperationsBase):
    """Row by row; the comparison names what a row has changed."""

    def test_pause_suspend_and_stop(self) -> None:
        for there, status, back in (
            ('pause', 'PAUSED', 'unpause'),
            ('suspend', 'SUSPENDED', 'resume'),
            ('os-stop', 'SHUTOFF', 'os-start'),
        ):
            self.do(there, status)
            self.assert_agreement()
            self.do(back, 'ACTIVE')
            self.assert_kept()
        self.assert_still_scales()

    def test_reboots_rebuild_and_rescue(self) -> None:
        for action, argument in (
            ('reboot', {'type': 'SOFT'}),
            ('reboot', {'type': 'HARD'}),
            ('rebuild', {'imageRef': operations.IMAGE}),
        ):
            self.do(action, 'ACTIVE', argument)
            self.assert_kept()
        self.do('rescue', 'RESCUE', {})
        self.assert_agreement()
        self.do('unrescue', 'ACTIVE')
        self.assert_kept()
        self.assert_still_scales()

    def test_crashes_and_restarts(self) -> None:
        # The guest's kernel panics, and its watchdog resets it.
        self.domain(self.server).reset(0)
        self.assert_kept()
        # QEMU dies, and Nova takes that for a stop.
        self.domain(self.server).destroy()
        self._hear_of_the_end()
        self._wait_for_server_parameter(
            self.server, {'status': 'SHUTOFF', 'OS-EXT-STS:task_state': None}
        )
        self.assert_agreement()
        self.do('os-start', 'ACTIVE')
        self.assert_kept()
        self.restart('host1')
        self.assert_kept()
        self.fail_host('host1')
        self.return_host('host1')
        self._wait_for_server_parameter(
            self.server, {'OS-EXT-STS:power_state': 1}
        )
        self.assert_kept()
        self.assert_still_scales()

    def _hear_of_the_end(self) -> None:
        self.computes['host1'].manager.handle_events(
            event.LifecycleEvent(
                self.server['id'], event.EVENT_LIFECYCLE_STOPPED
            )
        )

    def test_soft_reboot_of_another_parking_vcpu(self) -> None:
        """The persistent definition follows each step, down and up."""
        self.assert_scales(self.server, 'up', cores=2)
        self.do('reboot', 'ACTIVE', {'type': 'SOFT'})
        self.assertEqual({0, 1, 2}, self.guest(self.server).online)
        self.assert_agreement()

    def test_pins_before_the_guest_has_read_its_metadata(self) -> None:
        """A guest that comes up with all vCPUs shares the parking cores."""
        self.world.boot_scripts = False
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        self.assertEqual({0, 1, 2, 3}, self.guest(self.server).online)
        domain = self.domain(self.server)
        self.assertEqual(domain.live.vcpus[0], domain.live.vcpus[1])
        self.assertEqual(domain.live.vcpus[2], domain.live.vcpus[3])
        self.assertEqual(domain.live.vcpus, domain.config.vcpus)
        # What the boot script does.
        self.guest(self.server).online = {0, 2}
        self.assert_kept()
        instance = self.instance(self.server['id'])
        self.assertEqual('0xa', instance.system_metadata['nova_ext_offline'])

    def test_shelving_without_offloading(self) -> None:
        self.flags(shelved_offload_time=-1)
        self.do('shelve', 'SHELVED')
        self.assert_agreement()
        self.do('unshelve', 'ACTIVE')
        self.assert_kept()

    def test_an_image_knows_nothing_of_it(self) -> None:
        """Neither a snapshot's nor a backup's."""
        self.useFixture(snapshots.Snapshots(self.glance))
        self.do('createImage', 'ACTIVE', {'name': 'snapshot'})
        self.do(
            'createBackup',
            'ACTIVE',
            {'name': 'backup', 'backup_type': 'daily', 'rotation': 50},
        )
        self.assert_kept()
        for name in ('snapshot', 'backup'):
            image = self._image(name)
            self.assertNotIn('nova_ext', str(image))
            server = self._create_server(
                image_uuid=image['id'],
                flavor_id=self._show_flavor(),
                networks='none',
            )
            self.assertEqual([1, 4, 4], self.vcpus(server))
            self._delete_server(server)
        self.assert_kept()

    def _image(self, name: str) -> dict[str, Any]:
        context = nova_context.get_admin_context()
        (found,) = (
            image
            for image in self.glance.detail(context)
            if image['name'] == name
        )
        image: dict[str, Any] = found
        return image

    def _show_flavor(self) -> str:
        flavor_id: str = self.instance(self.server['id']).flavor.flavorid
        return flavor_id
