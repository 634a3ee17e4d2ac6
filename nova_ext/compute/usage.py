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
"""Translate Nova's servers and nodes into what resource plug-ins see.

Leans on ``InstanceNUMATopology`` with ``cpu_pinning``, ``pcpuset`` and
``cpuset_reserved``, on ``NUMATopology`` with ``siblings``, and on
``nova.virt.hardware.get_realtime_cpu_constraint`` (Nova 31 to 34).
"""

import dataclasses

from nova import exception as nova_exception
from nova import objects
from nova.virt import hardware

from nova_ext.compute import topology as translate
from nova_ext.model import usage
from nova_ext.model.record import ScaleRecord
from nova_ext.resources.host import Host
from nova_ext.resources.host import HostCell


def usage_of(instance, flavor, topology):
    """Return the :class:`usage.Usage` of a server.

    :param flavor: the one to count, which during a resize is not always the
        server's present one.
    :param topology: its ``InstanceNUMATopology`` with that flavor, None
        without; pinned, unless the place has still to be found.
    """
    dedicated = usage.dedicated_of(topology)
    realtime = _realtime(instance, flavor)
    return usage.Usage(
        uuid=instance.uuid,
        flavor=usage.Flavor.of(flavor),
        dedicated=dedicated,
        realtime=realtime,
        offline=_offline(instance, topology, realtime),
        isolated=usage.is_isolated(topology),
        extra_cores=(
            usage.extra_cores_of(flavor.extra_specs) if dedicated else 0
        ),
        cells=_placed(topology),
    )


def request_of(instance, flavor, topology):
    """Return the usage of a server that is to come, with no place yet.

    :param topology: what the flavor asks for; pins in it are of the past.
    """
    return dataclasses.replace(
        usage_of(instance, flavor, topology), offline=frozenset(), cells=()
    )


def host_of(compute_node, resources):
    """Return the :class:`Host` of a compute node at the start of an audit.

    :param resources: what the driver reports.
    """
    cells = ()
    if compute_node.numa_topology:
        cells = objects.NUMATopology.obj_from_db_obj(
            compute_node.numa_topology
        ).cells
    return Host(
        name=compute_node.hypervisor_hostname,
        cells=tuple(
            HostCell(
                cell.id,
                dedicated=frozenset(cell.pcpuset),
                shared=frozenset(cell.cpuset),
                siblings=tuple(frozenset(each) for each in cell.siblings),
            )
            for cell in cells
        ),
        resources=resources,
    )


def _placed(topology):
    if not topology:
        return ()
    return tuple(
        usage.PlacedCell(
            cell.id,
            dict(cell.cpu_pinning),
            frozenset(cell.cpuset_reserved or ()),
        )
        for cell in topology.cells
        if cell.cpu_pinning
    )


def _offline(instance, topology, realtime):
    """Return the parked vCPUs: the pins say how many, the record which.

    A topology of another flavor or host may have no parked vCPUs, whatever
    the record says of the server.
    """
    sharing = _sharing(topology)
    if not sharing:
        return sharing
    record = ScaleRecord.from_metadata(instance.system_metadata)
    layout = translate.layout_of(topology, record.offline & sharing, realtime)
    return layout.settled().offline if layout.cells else frozenset()


def _sharing(topology):
    """Return the vCPUs whose pCPU another vCPU has too."""
    shared = set()
    for cell in topology.cells if topology else ():
        pins = cell.cpu_pinning or {}
        pcpus = list(pins.values())
        if len(set(pcpus)) < len(pcpus):
            shared.update(vcpu for vcpu in pins if pcpus.count(pins[vcpu]) > 1)
    return frozenset(shared)


def _realtime(instance, flavor):
    # The image matters, and takes long to read, only with real-time.
    if not hardware.is_realtime_enabled(flavor):
        return frozenset()
    try:
        return frozenset(
            hardware.get_realtime_cpu_constraint(flavor, instance.image_meta)
            or ()
        )
    except nova_exception.NovaException:
        # A flavor that Nova does not start any server with.
        return frozenset()
