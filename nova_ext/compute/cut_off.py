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
"""Pins of a server whose move was cut off.

A migration's old host gives the server to the new one before that saves the
pins that it has claimed (``ComputeManager._finish_resize``). nova-compute that
dies there leaves the server with the pins of its old host, of which each may
be another server's here. An evacuation or a live migration whose new host dies
leaves its claim in ``Instance.migration_context``, which that host counts
again whenever the server is claimed by a scale request.

Nova leaves it like that when an operator resets the server's state. A server
that can scale gets the pins that were claimed for it here, with a core for
each vCPU, and loses a claim of elsewhere. Other servers keep Nova's way, and
so does one whose resize has changed the number of its vCPUs, which has its old
flavor still.

An audit of Nova takes a server that is about to leave for one that arrives,
where an earlier move to this host has failed: it counts the pins that are
claimed on the other host (``ResourceTracker._update_available_resource``).
That is undone for every server, because its cores would be free for others.

Leans on the status that a migration's old host sets last, ``post-migrating``
(Nova 31 to 34).
"""

from nova import objects
from nova.compute import task_states
from nova.compute import vm_states
from nova.objects import fields
from oslo_log import log as logging

from nova_ext.compute import topology
from nova_ext.model import bounds
from nova_ext.model import record as records

LOG = logging.getLogger(__name__)

#: What the old host leaves behind, and nothing but the new one changes.
_HANDED_OVER = 'post-migrating'

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
    if _has_arrived(migration, host) and _fits(instance):
        _take_pins(instance, migration)
        return True
    if instance.task_state is None and _has_stayed(migration, host):
        LOG.warning(
            'Migration %(migration)s to %(dest)s was cut off: its claim there '
            'is forgotten.',
            {'migration': migration.uuid, 'dest': migration.dest_compute},
            instance=instance,
        )
        instance.drop_migration_context()
        return True
    return False


def stay(instance, host):
    """Count a server that an audit takes for an arrival as it is here.

    :param instance: as the audit will count it; is not saved.
    :param host: this host.
    :returns: whether it is counted as it is here, and not as claimed.
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
    if migration.dest_compute == host or migration.source_compute != host:
        return False
    instance.revert_migration_context()
    return True


def _has_arrived(migration, host):
    return migration.status == _HANDED_OVER and migration.dest_compute == host


def _has_stayed(migration, host):
    kind = migration.migration_type
    return migration.source_compute == host and (
        kind == fields.MigrationType.EVACUATION
        or (
            kind == fields.MigrationType.LIVE_MIGRATION
            and migration.status in _FAILED
        )
    )


def _fits(instance):
    claimed = instance.migration_context.new_numa_topology
    return (
        claimed is not None
        and instance.numa_topology is not None
        and _vcpus(claimed) == _vcpus(instance.numa_topology)
    )


def _vcpus(topology):
    return {vcpu for cell in topology.cells for vcpu in cell.total_cpus}


def _take_pins(instance, migration):
    LOG.warning(
        'Migration %(migration)s from %(source)s was cut off before its pins '
        'were saved: the server gets those that were claimed.',
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
