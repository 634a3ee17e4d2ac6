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
"""Translate between Nova's instance and the model's plain data.

Leans on ``InstanceNUMACell.cpu_pinning`` and ``pcpuset`` (Nova 22 and newer).
"""

from nova_ext import conf
from nova_ext.model import bounds
from nova_ext.model import pinning
from nova_ext.model import realtime as rules
from nova_ext.model import record as records
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout
from nova_ext.scaling.ports import Server

CONF = conf.CONF


def server_of(instance):
    """Return what scaling must know of an instance.

    :param instance: with flavor, numa_topology and system_metadata. Without
        pinned vCPUs the layout is empty, and the server is not scalable.
    """
    flavor = instance.flavor
    layout = parked_layout(instance, instance.numa_topology)
    limits = bounds.bounds_of(
        flavor.extra_specs, flavor.vcpus, _properties(instance)
    )
    if not layout.cells:
        limits = bounds.Bounds(flavor.vcpus, flavor.vcpus)
    return Server(
        uuid=instance.uuid,
        name=instance.name,
        bounds=limits,
        layout=layout,
        emulator_floats=emulator_floats(flavor),
    )


def parked_layout(instance, topology):
    """Return the layout of an instance with a topology, by its record.

    :param topology: its ``InstanceNUMATopology`` on this or another host.
    """
    return layout_of(
        topology,
        records.offline_of(instance.system_metadata),
        realtime_vcpus(instance),
    )


def layout_of(topology, offline=frozenset(), realtime=frozenset()):
    """Return the model's layout of an ``InstanceNUMATopology``.

    :param offline: the vCPUs that the instance's record has offline.

    An instance that is not wholly pinned (none, shared or mixed policy) has
    no layout: its vCPUs own no cores that could be given back.
    """
    cells = topology.cells if topology else []
    if any(cell.cpuset or not cell.cpu_pinning for cell in cells):
        return Layout(())
    pins = [dict(cell.cpu_pinning) for cell in cells]
    return Layout(
        tuple(Cell(cell.id, own) for cell, own in zip(cells, pins)),
        pinning.parked(frozenset(offline), pins),
        frozenset(realtime),
    )


def with_layout(topology, layout):
    """Return a copy of an ``InstanceNUMATopology`` with a layout's pins.

    What Nova's claims save counts as changed wherever it is loaded, so that
    any ``Instance.save`` writes it again; this does not.
    """
    copy = topology.obj_clone()
    for cell, wanted in zip(copy.cells, layout.cells, strict=True):
        cell.cpu_pinning = dict(wanted.pins)
    copy.obj_reset_changes(recursive=True)
    return copy


def have_same_pins(one, another):
    """Return whether two topologies have the same pins in the same cells.

    :param one: ``InstanceNUMATopology``, or None for no cells.
    :param another: the same.
    """
    return _pins(one) == _pins(another)


def _pins(topology):
    cells = topology.cells if topology else ()
    return [(cell.id, cell.cpu_pinning) for cell in cells]


def realtime_vcpus(instance):
    """Return the vCPUs that run real-time while they are online."""
    flavor = instance.flavor
    return rules.realtime_vcpus(
        flavor.vcpus, flavor.extra_specs, _properties(instance)
    )


def _properties(instance):
    return bounds.image_properties(instance.system_metadata)


def emulator_floats(flavor):
    """Return whether QEMU's own threads run on the server's own cores."""
    policy = rules.emulator_policy(flavor.extra_specs)
    if policy == rules.SHARE:
        return not CONF.compute.cpu_shared_set
    return policy != rules.ISOLATE
