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
``cpuset_reserved``, and on ``NUMATopology`` with ``siblings`` (Nova 31 to 34).
"""

import dataclasses

from nova import objects

from nova_ext.model import bounds
from nova_ext.model import pinning
from nova_ext.model import record
from nova_ext.model import usage
from nova_ext.resources.host import Host
from nova_ext.resources.host import HostCell


def usage_of(instance, flavor, topology):
    """Return the :class:`usage.Usage` of a server.

    :param flavor: the one to count, which during a resize is not always the
        server's present one.
    :param topology: its ``InstanceNUMATopology`` with that flavor, None
        without; pinned, unless the place has still to be found.
    """
    cells = _placed(topology)
    if cells:
        dedicated = frozenset().union(*(cell.pins for cell in cells))
    else:
        dedicated = usage.dedicated_of(topology)
    plain = usage.Flavor.of(flavor)
    realtime = usage.realtime_of(
        plain.vcpus,
        plain.extra_specs,
        bounds.image_properties(instance.system_metadata),
    )
    return usage.Usage(
        uuid=instance.uuid,
        flavor=plain,
        dedicated=dedicated,
        realtime=realtime,
        offline=_offline(instance, cells, realtime),
        isolated=usage.is_isolated(topology),
        extra_cores=(
            usage.extra_cores_of(plain.extra_specs) if dedicated else 0
        ),
        cells=cells,
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
    pinned = [(cell, cell.cpu_pinning) for cell in topology.cells]
    return tuple(
        usage.PlacedCell(
            cell.id, dict(pins), frozenset(cell.cpuset_reserved or ())
        )
        for cell, pins in pinned
        if pins
    )


def _offline(instance, cells, realtime):
    """Return the parked vCPUs: the pins say how many, the record which.

    A topology of another flavor or host may have no parked vCPUs, whatever
    the record says of the server. Of the vCPUs on one pCPU one is online: the
    one that the record does not name, else the one that keeps the pCPU
    (:func:`nova_ext.model.pinning.keeper`).
    """
    parked = set()
    for cell in cells:
        pins = cell.pins
        pcpus = set(pins.values())
        if len(pcpus) == len(pins):
            continue
        recorded = record.offline_of(instance.system_metadata)
        for pcpu in pcpus:
            here = {vcpu for vcpu in pins if pins[vcpu] == pcpu}
            online = here - recorded or here
            parked |= here - {pinning.keeper(online, realtime)}
    return frozenset(parked)
