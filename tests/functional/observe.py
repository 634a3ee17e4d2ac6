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
"""Read from every source what ``tests.functional.agreement`` compares."""

from collections.abc import Iterable
import functools
import os
from typing import Any

from lxml import etree
from nova import context as nova_context
from nova import objects
from nova.objects import fields
from nova.tests.fixtures import libvirt as fakelibvirt
from nova.virt import hardware

from nova_ext import cpuset
from nova_ext.conf import CONF
from nova_ext.model import bounds
from nova_ext.model import pinning
from nova_ext.model import record
from tests.functional.agreement import HostState
from tests.functional.agreement import KeptState
from tests.functional.agreement import ProcessState
from tests.functional.agreement import ServerState

ISOLATE = fields.CPUThreadAllocationPolicy.ISOLATE


class Once:
    """Asks placement each thing only once."""

    def __init__(self, placement: Any) -> None:
        self.get = functools.cache(placement.get)


def host_state(compute: Any, placement: Any) -> HostState:
    """Read a host's usage from its tracker, the database and placement."""
    node = _node(compute)
    saved = objects.ComputeNode.get_by_uuid(
        nova_context.get_admin_context(), node.uuid
    )
    return HostState(
        name=compute.host,
        tracked=_pinned(node),
        saved=_pinned(saved),
        allocated=_allocated_of(placement, node.uuid),
        domains=frozenset(
            domain.UUIDString()
            for domain in compute.driver._host.get_connection().listAllDomains(
                0
            )
        ),
        vcpus=(node.vcpus_used, saved.vcpus_used),
        memory_mb=(
            node.memory_mb_used - CONF.reserved_host_memory_mb,
            saved.memory_mb_used - CONF.reserved_host_memory_mb,
        ),
        usage={
            'cells in memory': _cells(node),
            'cells saved': _cells(saved),
        },
    )


def _topology(node: Any) -> Any:
    return objects.NUMATopology.obj_from_db_obj(node.numa_topology)


def pinned_cores(compute: Any) -> frozenset[int]:
    """Return the pCPUs that a host's tracker counts as pinned."""
    return _pinned(_node(compute))


def _pinned(node: Any) -> frozenset[int]:
    cells = _topology(node).cells
    return frozenset(cpu for cell in cells for cpu in cell.pinned_cpus)


def _cells(node: Any) -> dict[int, tuple[int, int]]:
    return {
        cell.id: (cell.cpu_usage, cell.memory_usage)
        for cell in _topology(node).cells
    }


def server_state(
    uuid: str, computes: dict[str, Any], world: Any, placement: Any
) -> ServerState:
    """Read one server from every source."""
    instance = objects.Instance.get_by_uuid(
        nova_context.get_admin_context(),
        uuid,
        expected_attrs=['system_metadata', 'numa_topology', 'flavor'],
    )
    kept = record.ScaleRecord.from_metadata(instance.system_metadata)
    flavor = instance.flavor
    limits = bounds.bounds_of(flavor.extra_specs, flavor.vcpus)
    compute = computes[instance.host]
    domain = _domain(compute, uuid)
    config = domain.XMLDesc(fakelibvirt.VIR_DOMAIN_XML_INACTIVE)
    topology = instance.numa_topology
    reserved = topology.cpuset_reserved
    return ServerState(
        name=instance.display_name,
        uuid=uuid,
        host=instance.host,
        minimum=limits.minimum,
        maximum=limits.maximum,
        realtime=_realtime(instance),
        cells=tuple(frozenset(cell.pcpuset) for cell in topology.cells),
        pins={
            vcpu: pcpu
            for cell in topology.cells
            for vcpu, pcpu in cell.cpu_pinning.items()
        },
        cores=cores_of(compute, topology),
        extra_cores=len(reserved),
        vcpus=flavor.vcpus,
        memory_mb=flavor.memory_mb,
        offline=pinning.parked(
            kept.offline, [cell.cpu_pinning for cell in topology.cells]
        ),
        journal=str(kept.journal or ''),
        task_state=instance.task_state,
        allocated=_allocated_of(placement, _node(compute).uuid).get(uuid, 0),
        config_pins=pins_in(config),
        config_realtime=_scheds_in(config),
        config_emulator=_emulators_in(config),
        emulator=_emulator(flavor, reserved),
        process=_process(domain, world) if domain.live is not None else None,
    )


def kept_state(uuid: str, computes: dict[str, Any]) -> KeptState | None:
    """Read what a server has on its old host, None if it has not moved."""
    instance = objects.Instance.get_by_uuid(
        nova_context.get_admin_context(),
        uuid,
        expected_attrs=['system_metadata', 'migration_context', 'flavor'],
    )
    if instance.vm_state != 'resized':
        return None
    migration = objects.Migration.get_by_id(
        nova_context.get_admin_context(),
        instance.migration_context.migration_id,
    )
    topology = instance.migration_context.old_numa_topology
    # Parked vCPUs share a pCPU, and cost nothing but with full accounting.
    pinned = [pcpu for cell in topology.cells for pcpu in _pcpus(cell)]
    full = CONF.nova_ext_scaling.accounting == 'full'
    return KeptState(
        name=instance.display_name + ' before',
        uuid=uuid,
        consumer=migration.uuid,
        host=migration.source_compute,
        cores=cores_of(computes[migration.source_compute], topology),
        count=len(pinned if full else set(pinned))
        + len(topology.cpuset_reserved),
        vcpus=instance.old_flavor.vcpus,
        memory_mb=instance.old_flavor.memory_mb,
    )


def _pcpus(cell: Any) -> Iterable[int]:
    pcpus: Iterable[int] = cell.cpu_pinning.values()
    return pcpus


def _node(compute: Any) -> Any:
    (node,) = compute.manager.rt.compute_nodes.values()
    return node


def _domain(compute: Any, uuid: str) -> Any:
    connection = compute.driver._host.get_connection()
    return connection.lookupByUUIDString(uuid)


def _realtime(instance: Any) -> frozenset[int]:
    chosen = hardware.get_realtime_cpu_constraint(
        instance.flavor, instance.image_meta
    )
    return frozenset(chosen or ())


def cores_of(compute: Any, topology: Any) -> frozenset[int]:
    """Return the pCPUs that are the server's by Nova's own rules."""
    siblings = {
        cell.id: cell.siblings for cell in _topology(_node(compute)).cells
    }
    cores: set[int] = set()
    for cell in topology.cells:
        mine = set(cell.cpu_pinning.values()) | set(cell.cpuset_reserved or ())
        if cell.cpu_thread_policy == ISOLATE:
            for threads in siblings[cell.id]:
                if threads & mine:
                    mine = mine | threads
        cores |= mine
    return frozenset(cores)


def _allocated_of(placement: Any, provider: str) -> dict[str, int]:
    """Return the units of PCPU and VCPU of each consumer of a host."""
    found = placement.get('/resource_providers/%s/allocations' % provider).body
    cores = {
        consumer: sum(
            one['resources'].get(kind, 0) for kind in ('PCPU', 'VCPU')
        )
        for consumer, one in found['allocations'].items()
    }
    return {consumer: count for consumer, count in cores.items() if count}


def _process(domain: Any, world: Any) -> ProcessState:
    threads = [world.kernel.threads[number] for number in domain.threads]
    return ProcessState(
        pins=pins_in(domain.XMLDesc(0)),
        affinities={v: one.affinity for v, one in enumerate(threads)},
        realtime=frozenset(
            v for v, one in enumerate(threads) if one.policy == os.SCHED_FIFO
        ),
        emulator=frozenset().union(
            domain.live.emulator or (), *domain.live.iothreads.values()
        )
        - (hardware.get_cpu_shared_set() or set()),
        guest_online=frozenset(world.guests[domain.name()].online),
    )


def pins_in(xml: str) -> dict[int, frozenset[int]]:
    """Return where each vCPU may run, by a domain's definition."""
    return {
        int(pin.get('vcpu')): cpuset.parse(pin.get('cpuset'))
        for pin in _findall(xml, 'cputune/vcpupin')
    }


def _scheds_in(xml: str) -> frozenset[int]:
    return frozenset(
        vcpu
        for sched in _findall(xml, 'cputune/vcpusched')
        for vcpu in cpuset.parse(sched.get('vcpus'))
    )


def _emulators_in(xml: str) -> dict[str, frozenset[int]]:
    """Return where QEMU's own threads may run, and each I/O thread."""
    pins = {
        'emulator': cpuset.parse(pin.get('cpuset'))
        for pin in _findall(xml, 'cputune/emulatorpin')
    }
    for pin in _findall(xml, 'cputune/iothreadpin'):
        name = 'I/O thread ' + pin.get('iothread')
        pins[name] = cpuset.parse(pin.get('cpuset'))
    return pins


def _emulator(flavor: Any, reserved: frozenset[int]) -> frozenset[int]:
    """Return the pCPUs that are for QEMU's own threads by the flavor."""
    if flavor.extra_specs.get('hw:emulator_threads_policy') == 'share':
        return frozenset(hardware.get_cpu_shared_set() or ())
    return frozenset(reserved)


def _findall(xml: str, path: str) -> Iterable[Any]:
    found: Iterable[Any] = etree.fromstring(xml).findall(path)
    return found
