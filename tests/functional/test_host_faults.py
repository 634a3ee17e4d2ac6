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
"""Placement, libvirt, the kernel or the conductor fail during a step."""

from collections.abc import Iterator

from keystoneauth1 import exceptions as keystone_exception
from nova.tests.fixtures import libvirt as fakelibvirt
import oslo_messaging as messaging

from tests.functional import base

AWAY = keystone_exception.ConnectFailure('placement is away')
LOST = messaging.MessagingTimeout('no answer from the conductor')
UNPINNED = fakelibvirt.make_libvirtError(
    fakelibvirt.libvirtError,
    'internal error: cannot set CPU affinity',
    error_code=fakelibvirt.VIR_ERR_INTERNAL_ERROR,
    error_domain=fakelibvirt.VIR_FROM_QEMU,
)
DIRECTIONS = ('down', 'up')
#: The effect fails, and: it happens, and its answer is lost.
BOTH = (False, True)


class HostFaultsTest(base.ScalingTestBase):
    """A real-time server that can go both ways, and one beside it."""

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
        self.boot(2, 1, name='neighbour')
        self.assert_scales(self.server, 'down')

    def assert_fails(self, direction: str, says: str, status: int) -> None:
        """The request fails with a text, and changes nothing for good."""
        code, text = self.scale(self.server, direction)
        self.assertEqual(status, code, text)
        self.assertIn(says, text)
        # While its undo fails too, a core stays reserved until the audit.
        self.world.effects.heal()
        self.audit()
        self.assertEqual(3, self.vcpus(self.server)[1])

    def faults(
        self, name: str, error: Exception, lates: tuple[bool, ...] = (False,)
    ) -> Iterator[str]:
        """Yield a direction with each way in which an effect can fail.

        Each of its occurrences in a good step, once or from then on.

        :param lates: whether the effect happens and only its answer is lost.
        """
        for direction in DIRECTIONS:
            for late in lates:
                for times in (1, None):
                    for start in range(1, self._occurrences(direction, name)):
                        self.world.effects.fail(
                            name, error, start, times, late
                        )
                        yield direction
                        self.world.effects.heal()
                        self._back_to_three()

    def _occurrences(self, direction: str, name: str) -> int:
        """Return one more than how often a good step has the effect."""
        self.world.effects.record()
        self.assertEqual((202, ''), self.scale(self.server, direction))
        self.world.effects.stop()
        self._back_to_three()
        return self.world.effects.count(name) + 1

    def _back_to_three(self) -> None:
        """With everything well again all agree, and scaling works."""
        self.audit()
        self.assert_agreement()
        self.assert_last_request_is_true(self.server)
        current = self.vcpus(self.server)[1]
        while current != 3:
            direction = 'up' if current < 3 else 'down'
            self.assertEqual((202, ''), self.scale(self.server, direction))
            current = self.vcpus(self.server)[1]

    def test_libvirt_does_not_pin(self) -> None:
        seen = 0
        for direction in self.faults('pin', UNPINNED):
            status, text = self.scale(self.server, direction)
            self.assertEqual(503, status, text)
            self.assertIn('libvirt could not pin', text)
            self.assertNotIn('cannot set CPU affinity', text)
            seen += 1
        self.assertGreaterEqual(seen, 8)

    def test_libvirt_does_not_pin_the_emulator(self) -> None:
        """Without real-time, QEMU's own threads leave a freed core too."""
        self.server = self.boot(4, 1, name='plain', numa_nodes='1')
        self.assert_scales(self.server, 'down')
        seen = 0
        for direction in self.faults('pin', UNPINNED):
            status, text = self.scale(self.server, direction)
            self.assertEqual(503, status, text)
            self.assertIn('libvirt could not pin', text)
            seen += 1
        self.assertGreaterEqual(seen, 16)

    def test_the_kernel_does_not_set_the_policy(self) -> None:
        error = PermissionError(1, 'Operation not permitted')
        for direction in self.faults('policy', error):
            status, text = self.scale(self.server, direction)
            self.assertEqual(503, status, text)
            self.assertIn('scheduling policy of vCPU', text)
            self.assertIn('Operation not permitted', text)

    def test_placement_is_away(self) -> None:
        for direction in self.faults('placement', AWAY, BOTH):
            status, text = self.scale(self.server, direction)
            self.assertIn(status, (202, 503), text)
            if status == 503:
                self.assertIn('placement service did not take', text)

    def test_placement_cannot_be_read(self) -> None:
        for direction in self.faults('placement read', AWAY):
            status, text = self.scale(self.server, direction)
            self.assertIn(status, (202, 503), text)
            if status == 503:
                self.assertIn('placement service did not take', text)

    def test_placement_refuses(self) -> None:
        """The host has a free core, and placement has none for it."""
        self._reserve_placement_resource('host1', 'PCPU', reserved=11)
        self.assert_fails(
            'up', 'Insufficient compute resources: no free pcpu', 400
        )
        self.assert_agreement()
        self._reserve_placement_resource('host1', 'PCPU', reserved=0)
        self.assert_scales(self.server, 'up')

    def test_the_conductor_is_away(self) -> None:
        seen = 0
        for direction in self.faults('save', LOST, BOTH):
            status, text = self.scale(self.server, direction)
            self.assertIn(status, (202, 503), text)
            if status == 503:
                self.assertIn('could not be saved', text)
            self.settle()
            seen += 1
        self.assertGreaterEqual(seen, 2 * 2 * 2 * 3)

    def test_the_compute_node_cannot_be_saved(self) -> None:
        for direction in self.faults('save node', LOST, BOTH):
            status, text = self.scale(self.server, direction)
            self.assertEqual((202, ''), (status, text))

    def test_two_faults_at_once(self) -> None:
        """The undo fails too, and an audit repairs it when all is well."""
        for direction in DIRECTIONS:
            for name, error in (
                ('pin', UNPINNED),
                ('placement', AWAY),
                ('save', LOST),
            ):
                self.world.effects.fail(name, error, start=2)
                self.guest(self.server).is_silent('up')
                status, _ = self.scale(self.server, direction)
                self.assertIn(status, (202, 400, 503))
                self.world.effects.heal()
                self.guest(self.server).is_silent()
                self._back_to_three()
