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
"""The domain XML of real-time servers, as Nova's driver makes it and ours.

Every combination of mask, emulator policy, NUMA cells and parked vCPUs. What
is wanted of each is written here once more, from the pins and the masks.
"""

from collections.abc import Iterator
import itertools
import re
from typing import Any

from lxml import etree
from nova import context as nova_context
from nova import objects
from nova.network import model as network_model
from nova.virt import hardware
from nova.virt.libvirt import blockinfo
from nova.virt.libvirt import driver as nova_driver

from nova_ext import cpuset
from nova_ext.compute import topology
from tests.functional import base
from tests.unit.hypervisor import schema

VCPUS = 4
SHARED = frozenset({0, 1, 8, 9})
EVERYONE = frozenset(range(VCPUS))
PRIORITY = 3

_CREATED = re.compile('<nova:creationTime>.*</nova:creationTime>')


def masks() -> Iterator[frozenset[int]]:
    """Every set of real-time vCPUs, none and all included."""
    for size in range(VCPUS + 1):
        for chosen in itertools.combinations(range(VCPUS), size):
            yield frozenset(chosen)


class XmlTest(base.ScalingTestBase):
    """The XML for servers of one host with two NUMA nodes."""

    def setUp(self) -> None:
        super().setUp()
        self.flags(realtime_scheduler_priority=PRIORITY, group='libvirt')
        self.flags(cpu_shared_set=cpuset.render(SHARED), group='compute')
        self.start_hosts('host1', cores=8, dedicated='2-7,10-15')
        self.driver = self.computes['host1'].driver
        self.host = self.driver._get_host_numa_topology()
        self.instance_object = self._any_instance()
        self.checked = 0

    def _any_instance(self) -> Any:
        server = self.boot(1, name='any')
        return objects.Instance.get_by_uuid(
            nova_context.get_admin_context(),
            server['id'],
            expected_attrs=[
                'system_metadata',
                'metadata',
                'numa_topology',
                'flavor',
                'pci_devices',
                'vcpu_model',
                'trusted_certs',
            ],
        )

    def server(
        self,
        realtime: frozenset[int],
        emulator: str | None,
        cells: int,
        **more: str,
    ) -> Any:
        """Return an instance as Nova's API and claim would make it.

        :returns: None where Nova has no such server: all real-time without
            an emulator policy, or no dedicated vCPU in cell 0 to isolate the
            emulator beside.
        """
        specs = {'hw:cpu_policy': 'dedicated', 'hw:numa_nodes': str(cells)}
        if realtime:
            specs['hw:cpu_realtime'] = 'yes'
            specs['hw:cpu_realtime_mask'] = cpuset.render(realtime)
        if emulator:
            specs['hw:emulator_threads_policy'] = emulator
        specs.update({'hw:' + key: value for key, value in more.items()})
        if realtime == EVERYONE and not emulator:
            return None
        instance = self.instance_object.obj_clone()
        instance.flavor.vcpus = VCPUS
        instance.flavor.memory_mb = 256
        instance.flavor.extra_specs = specs
        image = instance.image_meta
        wanted = hardware.numa_get_constraints(instance.flavor, image)
        instance.numa_topology = hardware.numa_fit_instance_to_host(
            self.host, wanted, {}
        )
        return instance if instance.numa_topology else None

    def scaled(self, instance: Any) -> Iterator[tuple[Any, frozenset[int]]]:
        """Yield the instance with every set of vCPUs that may be parked."""
        layout = topology.server_of(instance).layout
        for size in range(1, VCPUS):
            for offline in map(
                frozenset, itertools.combinations(range(1, VCPUS), size)
            ):
                if _may_be_parked(layout, instance.flavor, offline):
                    yield self.park(instance, layout, offline), offline

    def park(self, instance: Any, layout: Any, offline: frozenset[int]) -> Any:
        for vcpu in sorted(offline):
            layout = layout.without(vcpu)
        instance = instance.obj_clone()
        instance.numa_topology = topology.with_layout(
            instance.numa_topology, layout
        )
        mask = hex(sum(1 << vcpu for vcpu in offline))
        instance.system_metadata['nova_ext_offline'] = mask
        return instance

    def xml(self, instance: Any, driver_class: Any) -> str:
        """Return the XML that a driver class makes for an instance."""
        image = instance.image_meta
        disks = blockinfo.get_disk_info('kvm', instance, image)
        config = driver_class._get_guest_config(
            self.driver,
            instance,
            network_model.NetworkInfo([]),
            image,
            disks,
            context=nova_context.get_admin_context(),
        )
        # It has the time of the day.
        return _CREATED.sub('', config.to_xml())

    def check(
        self, instance: Any, realtime: frozenset[int], offline: frozenset[int]
    ) -> None:
        """Compare the XML with what the pins and the mask demand."""
        xml = self.xml(instance, type(self.driver))
        self.assertEqual([], schema.errors(xml))
        root = etree.fromstring(xml)
        told = (instance.flavor.extra_specs, sorted(offline))
        wanted = _wanted(instance, realtime, offline)
        found = _found(root)
        self.assertEqual(wanted, found, told)
        cores = {found['pins'][vcpu] for vcpu in realtime - offline}
        for threads in ('emulator', 'iothread'):
            self.assertTrue(found[threads], told)
            self.assertFalse(
                found[threads] & frozenset().union(*cores), (threads, told)
            )
        self.checked += 1

    def check_all(self, emulator: str | None) -> None:
        for cells, realtime in itertools.product((1, 2), masks()):
            plain = self.server(realtime, emulator, cells)
            if plain is None:
                continue
            self.assert_nova_s(plain)
            instance = plain.obj_clone()
            instance.flavor.extra_specs['wrs:min_vcpus'] = '1'
            self.assert_nova_s_and_the_channel(instance)
            self.check(instance, realtime, frozenset())
            for scaled, offline in self.scaled(instance):
                self.check(scaled, realtime, offline)

    def assert_nova_s(self, instance: Any) -> None:
        """Byte for byte."""
        self.assertEqual(
            self.xml(instance, nova_driver.LibvirtDriver),
            self.xml(instance, type(self.driver)),
        )

    def assert_nova_s_and_the_channel(self, instance: Any) -> None:
        """Byte for byte, but for the device and what it needs on the bus."""
        novas = etree.fromstring(self.xml(instance, nova_driver.LibvirtDriver))
        ours = etree.fromstring(self.xml(instance, type(self.driver)))
        (channel,) = ours.findall('devices/channel')
        channel.getparent().remove(channel)
        self.assertEqual(_bytes(novas), _bytes(ours))

    def test_emulator_on_the_servers_own_cores(self) -> None:
        self.check_all(None)
        self.assertEqual(182, self.checked)

    def test_isolated_emulator(self) -> None:
        self.check_all('isolate')
        self.assertEqual(196, self.checked)

    def test_shared_emulator(self) -> None:
        self.check_all('share')
        self.assertEqual(196, self.checked)

    def test_mixed(self) -> None:
        """It does not scale, and keeps Nova's XML, which agrees too."""
        for emulator, cells, realtime in itertools.product(
            (None, 'isolate', 'share'), (1, 2), masks()
        ):
            if 0 < len(realtime) < VCPUS:
                instance = self.server(
                    realtime, emulator, cells, cpu_policy='mixed'
                )
                if instance is not None:
                    self.assert_nova_s(instance)
                    self.check(instance, realtime, frozenset())
        self.assertEqual(69, self.checked)

    def test_a_rebuild_that_no_ordinary_vcpu_is_left_of(self) -> None:
        """The API refuses it, but for a race: QEMU's threads need a place."""
        before = self.server(EVERYONE - {0}, None, 1, **{})
        before.flavor.extra_specs['wrs:min_vcpus'] = '1'
        layout = topology.server_of(before).layout
        instance = self.park(before, layout, frozenset({1}))
        mask = {'hw:cpu_realtime_mask': '^1'}
        instance.flavor.extra_specs.update(mask)
        xml = self.xml(instance, type(self.driver))
        self.assertEqual([], schema.errors(xml))
        self.assertTrue(_found(etree.fromstring(xml))['emulator'])


def _may_be_parked(layout: Any, flavor: Any, offline: frozenset[int]) -> bool:
    """Whether the host lets guests take these offline, in some order."""
    online = EVERYONE - offline
    ordinary = EVERYONE - layout.realtime
    if layout.realtime and ordinary and not ordinary & online:
        return False
    return all(cell.pins.keys() & online for cell in layout.cells)


def _wanted(
    instance: Any, realtime: frozenset[int], offline: frozenset[int]
) -> dict[str, Any]:
    pins: dict[int, frozenset[int]] = {}
    for cell in instance.numa_topology.cells:
        online = cell.pcpuset - offline
        for vcpu in cell.pcpuset:
            place = vcpu
            if vcpu in offline:
                place = min(online - realtime or online)
            pins[vcpu] = frozenset({cell.cpu_pinning[place]})
        node = {0: {0, 1}, 1: {8, 9}}[cell.id]
        pins.update(dict.fromkeys(cell.cpuset, frozenset(node)))
    ordinary = [pins[vcpu] for vcpu in EVERYONE - realtime - offline]
    policy = instance.flavor.extra_specs.get('hw:emulator_threads_policy')
    places: dict[str | None, Any] = {
        'isolate': instance.numa_topology.cells[0].cpuset_reserved,
        'share': SHARED,
        None: frozenset().union(*ordinary),
    }
    online_realtime = realtime - offline
    return {
        'pins': pins,
        'schedulers': (
            [(online_realtime, 'fifo', str(PRIORITY))]
            if online_realtime
            else []
        ),
        'emulator': places[policy],
        'iothread': places[policy],
        'locked': bool(realtime),
        'shared': not realtime,
    }


def _found(root: Any) -> dict[str, Any]:
    def cpus(element: Any, name: str = 'cpuset') -> frozenset[int]:
        return cpuset.parse(element.get(name))

    tune = root.find('cputune')
    (iothread,) = tune.findall('iothreadpin')
    return {
        'pins': {
            int(pin.get('vcpu')): cpus(pin) for pin in tune.findall('vcpupin')
        },
        'schedulers': [
            (cpus(one, 'vcpus'), one.get('scheduler'), one.get('priority'))
            for one in tune.findall('vcpusched')
        ],
        'emulator': cpus(tune.find('emulatorpin')),
        'iothread': cpus(iothread),
        'locked': root.find('memoryBacking/locked') is not None,
        'shared': root.find('memoryBacking/nosharepages') is None,
    }


def _bytes(root: Any) -> bytes:
    for element in root.iter():
        # The blanks after the last device are those of the one before.
        element.tail = None
    found: bytes = etree.tostring(root)
    return found
