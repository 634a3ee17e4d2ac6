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
"""Real-time servers that never scaled, through what Nova does to them.

Two hosts of two NUMA nodes, where each pin and policy is read from the fake
kernel and from libvirt's definitions. Servers that are scaled down are in
``test_moves`` and ``test_operations``.
"""

import os
from typing import Any

import ddt
from lxml import etree

from nova_ext import cpuset
from tests.functional import base
from tests.functional import operations
from tests.functional import vectors

SHARED = frozenset({0, 1, 8, 9})
DEFAULTS = {'cpu_policy': 'dedicated', 'cpu_realtime': 'yes'}


@ddt.ddt
class RealtimeServersTest(operations.OperationsBase):
    """Create, rebuild, live migrate, evacuate, resize."""

    def setUp(self) -> None:
        # Without the servers of the base.
        super(operations.OperationsBase, self).setUp()
        self.flags(cpu_shared_set=cpuset.render(SHARED), group='compute')
        self.start_hosts('host1', 'host2', cores=8, dedicated='2-7,10-15')

    def flavor_of(self, keys: dict[str, str]) -> str:
        specs = {
            key if ':' in key else 'hw:' + key: value
            for key, value in keys.items()
        }
        flavor: str = self._create_flavor(
            vcpu=4, memory_mb=256, disk=1, ephemeral=0, extra_spec=specs
        )
        return flavor

    def image_of(self, mask: str) -> str:
        """Return an image that is not the servers' own."""
        number = '7d0ee3b5-7f0b-4a0e-9a0b-0d9d1c1b2f31'
        self.glance.create(
            None,
            {
                **self.glance.auto_disk_config_enabled_image,
                'id': number,
                'properties': {'hw_cpu_realtime_mask': mask},
            },
        )
        return number

    @ddt.data(*vectors.load('functional_realtime', 'servers'))
    def test_life_of(self, case: dict[str, Any]) -> None:
        keys = {**DEFAULTS, **case['flavor']}
        self.server = self._create_server(
            name='a',
            flavor_id=self.flavor_of(keys),
            networks='none',
            host='host1',
        )
        self.assert_realtime('host1', case['realtime'])

        image = self.image_of(case['image'])
        self.do('rebuild', 'ACTIVE', {'imageRef': image})
        self.assert_realtime('host1', case['rebuilt'])

        self.live_migrate()
        self.assert_realtime('host2', case['rebuilt'])

        self.fail_host('host2')
        self.evacuate('host1')
        self.return_host('host2')
        self.assert_realtime('host1', case['rebuilt'])

        resized = self.flavor_of({**keys, **case['resize']})
        self._resize_server(self.server, resized)
        self._confirm_resize(self.server)
        host = self.instance(self.server['id']).host
        # An image's mask stays in force.
        self.assert_realtime(host, case['resized'])

    def assert_realtime(self, host: str, vcpus: list[int]) -> None:
        """The kernel and both definitions have what flavor and image say."""
        instance = self.instance(self.server['id'])
        self.assertEqual(host, instance.host)
        domain = self.domain(self.server)
        realtime = frozenset(vcpus)
        threads = [
            self.world.kernel.threads[number] for number in domain.threads
        ]
        fifo = {v for v in range(4) if threads[v].policy == os.SCHED_FIFO}
        self.assertEqual(realtime, fifo)
        pins = {
            vcpu: frozenset({pcpu})
            for cell in instance.numa_topology.cells
            for vcpu, pcpu in (cell.cpu_pinning or {}).items()
        }
        self.assertLessEqual(realtime, pins.keys())
        for vcpu, affinity in pins.items():
            self.assertEqual(affinity, threads[vcpu].affinity)
        cores = frozenset().union(*(pins[vcpu] for vcpu in realtime))
        for pins_of in (domain.live, domain.config):
            for where in (pins_of.emulator, *pins_of.iothreads.values()):
                self.assertTrue(where)
                self.assertFalse(where & cores)
        backing = etree.fromstring(domain.sent_xml).find('memoryBacking')
        locked = backing is not None and backing.find('locked') is not None
        wanted = instance.flavor.extra_specs['hw:cpu_realtime'] == 'yes'
        self.assertEqual(wanted, locked)
        if instance.numa_topology.cpu_policy == 'dedicated':
            self.assert_agreement()


class SharedCpusTest(base.ScalingTestBase):
    """A host without shared CPUs is not even tried."""

    ADDITIONAL_FILTERS = ['NUMATopologyFilter', 'SharedCpusFilter']

    def setUp(self) -> None:
        self.flags(
            available_filters=[
                'nova.scheduler.filters.all_filters',
                'nova_ext.scheduler.filters.all_filters',
            ],
            group='filter_scheduler',
        )
        super().setUp()
        self.start_hosts('host1', cores=8, dedicated='2-7,10-15')

    def test_it_is_not_tried(self) -> None:
        share = {'cpu_realtime': 'yes', 'emulator_threads_policy': 'share'}
        refused = self.boot(2, host=None, state='ERROR', **share)
        self.assertIn('No valid host', refused['fault']['message'])
        self.flags(cpu_shared_set=cpuset.render(SHARED), group='compute')
        self.restart('host1')
        self._run_periodics()
        server = self.boot(2, host=None, name='a', **share)
        self.assertEqual(SHARED, self.domain(server).live.emulator)
