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
"""A freed core is another's at once, and a taken one is not to be had.

Acceptance cases N2, N3 and N4 among them.
"""

from typing import Any

from tests.functional import base

FULL = 'Insufficient compute resources: no free pcpu available on NUMA node 0'


class CoresTest(base.ScalingTestBase):
    """Servers that compete for the cores of one NUMA node."""

    def setUp(self) -> None:
        super().setUp()
        # The second node is too small for anything but the neighbour.
        self.start_hosts('host1', cores=4)
        self.flags(
            packing_host_numa_cells_allocation_strategy=True, group='compute'
        )

    def _scaled(self) -> dict[str, Any]:
        server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'down')
        return server

    def test_no_core_left(self) -> None:
        """N2 and N3: one core is left; after a deletion there is another."""
        server = self._scaled()
        taker = self.boot(1, name='taker')
        self.assertLess(self._pins(taker), {2, 3})
        self.assert_scales(server, 'up')
        self.assertEqual([1, 3, 4], self.vcpus(server))

        status, text = self.scale(server, 'up')
        self.assertEqual((400, FULL + '.'), (status, text))
        self.assertEqual([1, 3, 4], self.vcpus(server))
        self.assert_agreement()

        self._delete_server(taker)
        self.assert_scales(server, 'up')
        self.assertEqual([1, 4, 4], self.vcpus(server))

    def _pins(self, server: dict[str, Any]) -> set[int]:
        topology = self.instance(server['id']).numa_topology
        return set(topology.cpu_pinning)

    def test_a_freed_core_boots_another_server(self) -> None:
        """The product in one test: nothing fits until a core is freed."""
        server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.boot(4, name='filler', numa_nodes='1')
        refused = self.boot(1, name='refused', host=None, state='ERROR')
        self.assertIn('No valid host', refused['fault']['message'])
        self._delete_server(refused)

        self.assert_scales(server, 'down')
        taker = self.boot(1, name='taker', host=None)
        self.assertEqual({3}, self._pins(taker))
        self.assert_agreement()
        status, text = self.scale(server, 'up')
        self.assertEqual((400, FULL + '.'), (status, text))
        self._delete_server(taker)
        self.assert_scales(server, 'up')

    def test_deleting_a_scaled_server_frees_what_it_has(self) -> None:
        server = self._scaled()
        other = self.boot(2, name='other')
        self._delete_server(server)
        self.assert_agreement()
        self._delete_server(other)
        hosts, servers, _ = self.states()
        self.assertEqual([], servers)
        self.assertEqual(frozenset(), hosts[0].tracked)

    def test_resize_of_a_recovered_server(self) -> None:
        """N3, its end: a flavor that is not scalable takes the server."""
        self.flags(allow_resize_to_same_host=True)
        server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'up')
        flavor = self._create_flavor(
            vcpu=4,
            memory_mb=256,
            disk=1,
            ephemeral=0,
            extra_spec={'hw:cpu_policy': 'dedicated'},
        )
        self._resize_server(server, flavor)
        self._confirm_resize(server)
        self.assertEqual([4, 4, 4], self.vcpus(server))
        self.assert_agreement()

    def test_a_resize_brings_a_scaled_down_server_to_its_maximum(self) -> None:
        server, flavor = self._resized()
        self._confirm_resize(server)
        self.assertEqual([1, 4, 4], self.vcpus(server))
        self.assert_agreement()
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'up')

    def test_a_reverted_resize_leaves_a_server_scaled_down(self) -> None:
        server, flavor = self._resized()
        self._revert_resize(server)
        self.assertEqual([1, 2, 4], self.vcpus(server))
        self.assert_agreement()
        self.assert_scales(server, 'up')

    def _resized(self) -> Any:
        self.flags(allow_resize_to_same_host=True)
        server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'down')
        flavor = self._create_flavor(
            vcpu=4,
            memory_mb=512,
            disk=1,
            ephemeral=0,
            extra_spec={'hw:cpu_policy': 'dedicated', 'wrs:min_vcpus': '1'},
        )
        return self._resize_server(server, flavor), flavor


class TwoHostsTest(base.ScalingTestBase):
    """Each host counts its own servers."""

    def test_servers_on_two_hosts(self) -> None:
        self.start_hosts('host1', 'host2')
        first = self.boot(3, 1, name='first', host='host1')
        second = self.boot(3, 1, name='second', host='host2')
        for server in (first, second, second, first):
            self.assert_scales(server, 'down')
        self.restart('host1')
        for server in (second, first):
            self.assert_scales(server, 'up')
        self.assertEqual([1, 2, 3], self.vcpus(first))
        self.assertEqual([1, 2, 3], self.vcpus(second))


class GuestChoiceTest(base.ScalingTestBase):
    """The guest chooses the vCPU, and the host checks the choice."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)

    def test_a_choice_that_is_offline_already(self) -> None:
        """N4: the guest's helper always answers 3."""
        server = self.boot(4, 1)
        self.guest(server).picks(3)
        self.assert_scales(server, 'down')
        self.assertEqual(
            (400, 'Cpu 3 is already offline or out of range.'),
            self.scale(server, 'down'),
        )
        self.assertEqual([1, 3, 4], self.vcpus(server))
        self.assertEqual({0, 1, 2}, self.guest(server).online)
        self.assert_agreement()

    def test_holes_are_kept(self) -> None:
        """Up brings the lowest offline vCPU online, on the lowest core."""
        server = self.boot(5, 1)
        for vcpu in (1, 3):
            self.guest(server).picks(vcpu)
            self.assert_scales(server, 'down')
        self.guest(server).picks(None)
        self.assertEqual({0, 2, 4}, self.guest(server).online)
        self.assert_scales(server, 'up')
        self.assertEqual({0, 1, 2, 4}, self.guest(server).online)
        self.assert_scales(server, 'up')
        self.assert_agreement()
