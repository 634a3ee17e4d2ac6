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
"""Pins of a server whose move failed or was cut off.

A migration's old host gives the server to the new one before that saves the
pins that it has claimed (``ComputeManager._finish_resize``). nova-compute that
dies or fails there leaves the server with the pins of its old host, of which
each may be another server's here. What else ends early leaves its claim in
``Instance.migration_context``: a resize that fails, also when the server has
arrived, and an evacuation or a live migration whose new host dies.

Nova leaves it like that when an operator resets the server's state. A server
that can scale gets the pins that were claimed for it here, with a core for
each vCPU, and loses a claim that is of no use any more. Other servers keep
Nova's way, and so does one whose resize has changed the number of its vCPUs,
which has its old flavor still.

An audit of Nova takes a server for one that arrives, whenever a move to this
host goes on or has failed: it counts the pins that are claimed
(``ResourceTracker._update_available_resource``), be that for a move to another
host, a resize on this one that has not stopped the server yet, or a move that
failed before the server was scaled. That is undone for every server, because
its cores would be free for others; only one that has been handed over uses
what is claimed, and not what is saved (Nova 31 to 34).
"""

from nova import exception as nova_exception
from nova import objects
from nova.compute import task_states
from nova.compute import vm_states
from nova.objects import fields
from oslo_log import log as logging

from nova_ext.compute import topology
from nova_ext.model import bounds
from nova_ext.model import record as records

LOG = logging.getLogger(__name__)

#: Moves whose new host saves what it has claimed after the old one has handed
#: the server over; the others do both at once.
_COLD = (fields.MigrationType.MIGRATION, fields.MigrationType.RESIZE)

#: A live migration that has not come to its end; its rollback, if there was
#: one, has dropped the claim.
_FAILED = ('error', 'failed', 'cancelled')


def finish(instance, host):
    """Give a server the right pins, where a move that was cut off did not.

    :param host: this host.
    :returns: whether its pins or its claim were changed.
    """
    if (
        instance.host != host
        or instance.vm_state == vm_states.RESIZED
        or instance.task_state in task_states.resizing_states
        or not bounds.wants_scaling(instance.flavor.extra_specs)
        or instance.migration_context is None
    ):
        return False
    migration = objects.Migration.get_by_id(
        instance._context, instance.migration_context.migration_id
    )
    saved = _saved(instance)
    if _is_handed_over(instance, saved, migration, host):
        return _fits(instance, saved) and _take_pins(instance, migration)
    if instance.task_state is None and _has_ended(migration, host):
        return _forget_claim(instance, migration)
    return False


def stay(instance, host):
    """Count a server that an audit takes for an arrival as it is here.

    :param instance: as the audit will count it; is not saved.
    :param host: this host.
    :returns: whether it is counted as it is saved, and not as claimed.
    """
    context = instance.migration_context
    if (
        context is None
        or instance.vm_state == vm_states.RESIZED
        or not topology.have_same_pins(
            instance.numa_topology, context.new_numa_topology
        )
    ):
        return False
    migration = objects.Migration.get_by_id(
        instance._context, context.migration_id
    )
    saved = _saved(instance)
    taken = migration.dest_compute == host and topology.have_same_pins(
        saved, context.new_numa_topology
    )
    if taken or _is_handed_over(instance, saved, migration, host):
        return False
    if migration.source_compute == host:
        instance.revert_migration_context()
    # It may have been scaled since the claim.
    instance.numa_topology = saved
    return True


def _saved(instance):
    """Return a server's pins; an audit may have put others into its copy."""
    try:
        return objects.InstanceNUMATopology.get_by_instance_uuid(
            instance._context, instance.uuid
        )
    except nova_exception.NumaTopologyNotFound:
        return None


def _is_handed_over(instance, saved, migration, host):
    """Return whether a server is this host's, with the pins of its old one.

    :param saved: its ``InstanceNUMATopology`` in the database, or None.
    """
    claim = instance.migration_context
    return (
        migration.migration_type in _COLD
        and migration.dest_compute == host
        and migration.source_compute != host
        and topology.have_same_pins(saved, claim.old_numa_topology)
        and not topology.have_same_pins(saved, claim.new_numa_topology)
    )


def _has_ended(migration, host):
    """Return whether nobody uses a claim, where the server is idle."""
    return host in (migration.source_compute, migration.dest_compute) and (
        migration.migration_type != fields.MigrationType.LIVE_MIGRATION
        or migration.status in _FAILED
    )


def _fits(instance, saved):
    claimed = instance.migration_context.new_numa_topology
    return (
        claimed is not None
        and saved is not None
        and _vcpus(claimed) == _vcpus(saved)
    )


def _vcpus(topology):
    return {vcpu for cell in topology.cells for vcpu in cell.total_cpus}


def _take_pins(instance, migration):
    LOG.warning(
        'Migration %(migration)s from %(source)s has failed or was cut off '
        'before its pins were saved: the server gets those that were claimed.',
        {'migration': migration.uuid, 'source': migration.source_compute},
        instance=instance,
    )
    kept = records.ScaleRecord.from_metadata(instance.system_metadata)
    instance.apply_migration_context()
    instance.system_metadata = records.merge(
        instance.system_metadata, records.ScaleRecord(last=kept.last)
    )
    instance.save()
    instance.drop_migration_context()
    migration.status = 'error'
    migration.save()
    return True


def _forget_claim(instance, migration):
    """Drop the claim of a migration, if a new one has not replaced it."""
    claim = objects.MigrationContext.get_by_instance_uuid(
        instance._context, instance.uuid
    )
    if claim is None or claim.migration_id != migration.id:
        return False
    LOG.warning(
        'Migration %(migration)s from %(source)s to %(dest)s has failed or '
        'was cut off: its claim is forgotten.',
        {
            'migration': migration.uuid,
            'source': migration.source_compute,
            'dest': migration.dest_compute,
        },
        instance=instance,
    )
    instance.drop_migration_context()
    return True
