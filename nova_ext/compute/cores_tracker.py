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
"""The tracker seam: dedicated cores change owners while a server runs.

A subclass, by way of :mod:`nova_ext.compute.plugin_tracker`, of
``nova.compute.resource_tracker.ResourceTracker``. It leans on
``compute_nodes``, ``old_resources`` and ``_resource_change`` (Nova 31 to 34),
and on ``NUMACell.pin_cpus`` and its kin, which refuse what is not free.
``update_usage`` of Nova only changes stats of a tracked instance, so the
host's NUMA topology is counted here.

Nova frees what the instance of the caller says, which may have been read
before the cores changed; here is freed what was counted. That leans on
``_get_usage_dict``, which gets an instance only from
``_update_usage_from_instance``, after that changed ``tracked_instances``.

Any ``Instance.save`` may write the NUMA topology that its object was loaded
with (what Nova's claims saved counts as changed then), and nova-api loads it
for most actions, before it claims the server by its task state. So a
request of a user may put pins back into the database that a scale request has
just changed; what was last switched here is known, and restored. So is the end
of a scale request that could not be saved while the database was away.
"""

import dataclasses
from typing import Any

from nova import exception as nova_exception
from nova import objects
from oslo_log import log as logging

from nova_ext import exception
from nova_ext.compute import plugin_tracker
from nova_ext.compute import topology as topologies
from nova_ext.model import record as records
from nova_ext.scaling import planning

LOG = logging.getLogger(__name__)

_synchronized = plugin_tracker.synchronized

#: What a switch saves of an instance.
_SWITCHED = ['numa_topology', 'system_metadata']


@dataclasses.dataclass(frozen=True)
class Switched:
    """What a switch of cores has saved of an instance.

    :ivar end: the record with which a scale request ended and that could not
        be saved; None for none.
    """

    topology: Any
    offline: frozenset[int]
    end: records.ScaleRecord | None = None

    @classmethod
    def of(cls, instance, topology):
        """Take it from an instance that was saved with a topology."""
        return cls(
            topology.obj_clone(),
            records.offline_of(instance.system_metadata),
        )

    def is_in(self, instance):
        """Return whether an instance has it."""
        record = _record(instance)
        return topologies.have_same_pins(
            instance.numa_topology, self.topology
        ) and record == self._with(record)

    def put_into(self, instance):
        """Put it into an instance, and leave the rest of its record."""
        instance.numa_topology = self.topology.obj_clone()
        instance.system_metadata = records.merge(
            instance.system_metadata, self._with(_record(instance))
        )

    def _with(self, record):
        if self.end and record.is_before(self.end):
            record = self.end.to_recover()
        return dataclasses.replace(record, offline=self.offline)


class CoresTracker(plugin_tracker.PluginTracker):
    """Nova's tracker, which can also switch the cores of one instance."""

    def __init__(self, host, driver, reportclient=None):
        """Start with nothing counted."""
        super().__init__(host, driver, reportclient=reportclient)
        #: The topology of each tracked instance, as it is counted; only
        #: touched under Nova's lock.
        self._counted = {}
        #: What the last switch of an instance's cores saved. Written under
        #: Nova's lock, but by the end of a request and by an arrival: each is
        #: the only one at work on its server, and who reads an older one puts
        #: back nothing without a second look under the lock.
        self._switched = {}
        #: The servers that this nova-compute has claimed and not given free;
        #: see :class:`nova_ext.compute.store.InstanceStore`. Each is changed
        #: by the one request or recovery that holds it.
        self.claimed = set()

    def _update_usage_from_instances(self, context, instances, nodename):
        self._counted.clear()
        uuids = {instance.uuid for instance in instances}
        for uuid in self._switched.keys() - uuids:
            self._switched.pop(uuid, None)
        for instance in instances:
            self.restore(instance)
        return super()._update_usage_from_instances(
            context, instances, nodename
        )

    def _get_usage_dict(self, object_or_dict, instance, **updates):
        if isinstance(object_or_dict, objects.Instance):
            updates['numa_topology'] = self._topology_to_count(instance)
        return super()._get_usage_dict(object_or_dict, instance, **updates)

    def _topology_to_count(self, instance):
        if instance.uuid in self.tracked_instances:
            self._counted[instance.uuid] = instance.numa_topology
            return instance.numa_topology
        return self._counted.pop(instance.uuid, instance.numa_topology)

    def restore(self, instance, may_save=True):
        """Put what was switched last into an instance that lacks it.

        :param may_save: whether to save it too, where it was overwritten.
        """
        kept = self._switched.get(instance.uuid)
        if kept is None or kept.is_in(instance):
            return
        if may_save:
            self._put_back(instance)
        else:
            kept.put_into(instance)

    @_synchronized
    def _put_back(self, instance):
        """Save what was overwritten; no core changes owners meanwhile.

        The instance may have been read before the last switch.
        """
        kept = self._switched.get(instance.uuid)
        try:
            saved = objects.Instance.get_by_uuid(
                instance._context, instance.uuid, expected_attrs=_SWITCHED
            )
            if saved.host != self.host:
                return
            if kept is not None and not kept.is_in(saved):
                self._save_again(kept, saved)
        except nova_exception.InstanceNotFound:
            return
        except Exception:
            LOG.exception(
                'The pins could not be put back; the next audit tries again.',
                instance=instance,
            )
            if kept is not None:
                kept.put_into(instance)
            return
        instance.numa_topology = saved.numa_topology
        instance.obj_reset_changes(['numa_topology'], recursive=True)
        instance.system_metadata = records.merge(
            instance.system_metadata, _record(saved)
        )

    def _save_again(self, kept, instance):
        LOG.warning(
            'The pins and the record of the server are not those of its last '
            'scale request: it could not save them, or an operation that had '
            'read them before it has overwritten them. They are put back.',
            instance=instance,
        )
        kept.put_into(instance)
        instance.save(expected_task_state=[instance.task_state])

    def keep(self, uuid, numa_topology, end):
        """Keep what a scale request ended with, which could not be saved.

        :meth:`restore` saves it, with a journal, so that all is made to agree
        with it.

        :param end: the :class:`nova_ext.model.record.ScaleRecord`.
        """
        self._switched[uuid] = Switched(
            numa_topology.obj_clone(), end.offline, end
        )

    def forget_switched(self, uuid):
        """Forget what was done here: the instance comes here anew."""
        self._switched.pop(uuid, None)
        self.claimed.discard(uuid)

    def check_audited(self, nodename):
        """Check that the host's cores have been counted.

        Scale requests are served a little earlier than that at start-up.

        :raises exception.ServerBusy: not yet.
        """
        if nodename not in self.compute_nodes:
            raise exception.ServerBusy(
                reason='The host %s has not been audited yet: try again in a '
                'minute' % nodename
            )

    def free_pcpus(self, nodename, node, isolated):
        """Return the pCPUs of a NUMA node that a vCPU could get, in order.

        :param isolated: whether all siblings of a core must be free, of which
            the first is returned.
        """
        return _free_pcpus(self._host_cells(nodename)[node], isolated)

    @_synchronized
    def switch_cores(self, nodename, before, after, isolated, save):
        """Give back and take what differs between two layouts of an instance.

        :param before: the model's layout that is counted now.
        :param isolated: whether siblings are counted with each pCPU.
        :param save: saves the instance; called once the change was found
            possible, and before it is counted. It returns the instance and
            its topology on this host from now on.
        :raises exception.InsufficientResources: a pCPU is another's.
        """
        self._switch(nodename, before, after, isolated, save)

    @_synchronized
    def take_core(self, nodename, before, vcpu, isolated, save):
        """Choose the lowest free pCPU for an offline vCPU, and take it.

        :param save: saves the instance with the layout that it is given, and
            returns it and its topology.
        :returns: that layout.
        :raises exception.InsufficientResources: there is none.
        """
        node = before.cell_of(vcpu).node
        free = _free_pcpus(self._host_cells(nodename)[node], isolated)
        if not free:
            raise planning.no_free_pcpu(node, isolated)
        after = before.with_core(vcpu, free[0])
        self._switch(nodename, before, after, isolated, lambda: save(after))
        return after

    def _switch(self, nodename, before, after, isolated, save):
        topology = self._host_topology(nodename)
        cells = {cell.id: cell for cell in topology.cells}
        try:
            for old, new in zip(before.cells, after.cells, strict=True):
                _count(cells[old.node], old, new, isolated)
        except nova_exception.Invalid as error:
            raise exception.InsufficientResources(
                reason=error.format_message()
            ) from error
        instance, saved = save()
        if instance.uuid in self.tracked_instances:
            self._counted[instance.uuid] = saved
            self._switched[instance.uuid] = Switched.of(instance, saved)
        if self._plugins:
            self._plugins.rescale(nodename, instance, saved)
        compute_node = self.compute_nodes[nodename]
        # The same topology may print in another order, which Nova's
        # comparison would take for a change.
        if before.pcpus != after.pcpus:
            compute_node.numa_topology = topology._to_json()
        self._publish(compute_node)

    def _publish(self, compute_node):
        """Let the scheduler know what is counted now.

        The memory of this process counts; a compute node that cannot be saved
        now is saved by the next audit, because it differs then.
        """
        self._plugins.write(compute_node)
        nodename = compute_node.hypervisor_hostname
        published = self.old_resources[nodename]
        if not self._resource_change(compute_node):
            return
        try:
            compute_node.save()
        except Exception:
            self.old_resources[nodename] = published
            LOG.exception(
                'Compute node %s could not be saved; the next audit does it.',
                nodename,
            )

    def _host_cells(self, nodename):
        return {cell.id: cell for cell in self._host_topology(nodename).cells}

    def _host_topology(self, nodename):
        return objects.NUMATopology.obj_from_db_obj(
            self.compute_nodes[nodename].numa_topology
        )


def _record(instance):
    return records.ScaleRecord.from_metadata(instance.system_metadata)


def _count(cell, old, new, isolated):
    """Move an instance cell's pCPUs in a copy of its host cell."""
    before, after = set(old.pins.values()), set(new.pins.values())
    if isolated:
        cell.unpin_cpus_with_siblings(before - after)
        cell.pin_cpus_with_siblings(after - before)
    else:
        cell.unpin_cpus(before - after)
        cell.pin_cpus(after - before)


def _free_pcpus(cell, isolated):
    if not isolated or not cell.siblings:
        return sorted(cell.free_pcpus)
    return sorted(
        min(siblings)
        for siblings in cell.siblings
        if siblings <= cell.free_pcpus
    )
