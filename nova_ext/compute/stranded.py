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
"""Allocations that a move which was cut off has left behind.

While a server moves, its old host's part of the allocation belongs to the
migration's uuid. nova-compute that dies in the middle leaves it there: Nova
resets the server when it starts again (``ComputeManager._init_instance``), or
an operator does, and its audit only knows the allocations of deleted servers
(``ResourceTracker._remove_deleted_instances_allocations``). A server that can
scale needs its allocation, which follows every step; so its old host's audit
settles what is left of a move that nobody works on. Other servers keep
Nova's way, ``nova-manage placement audit``. Leans on
``SchedulerReportClient.get_allocations_for_resource_provider``,
``move_allocations`` and ``delete_allocation_for_instance`` (Nova 31 to 34).
"""

from nova import exception as nova_exception
from nova import objects
from nova.compute import vm_states
from nova.objects import fields
from oslo_log import log as logging

from nova_ext.model import bounds

LOG = logging.getLogger(__name__)

#: A server whose move may still go on or back, or that awaits its operator.
_UNDECIDED = (
    vm_states.BUILDING,
    vm_states.ERROR,
    vm_states.RESIZED,
    vm_states.SHELVED_OFFLOADED,
)


def settle(context, reportclient, node, known):
    """Give a server back what a move from this host has left behind.

    :param node: the ``ComputeNode`` of this host, just audited.
    :param known: the uuids of the servers that the audit found here, and of
        the migrations that this nova-compute works on.
    :returns: the allocations on this host as they were found, by consumer.
    """
    found = reportclient.get_allocations_for_resource_provider(
        context, node.uuid
    ).allocations
    for consumer in sorted(set(found) - set(known)):
        move = _cut_off(context, consumer, node.host)
        if move:
            _settle(context, reportclient, *move)
    return found


def _cut_off(context, consumer, host):
    """Return a migration that nobody works on and its instance, or None."""
    try:
        migration = objects.Migration.get_by_uuid(context, consumer)
        instance = objects.Instance.get_by_uuid(
            context, migration.instance_uuid, expected_attrs=['flavor']
        )
    except (
        nova_exception.MigrationNotFound,
        nova_exception.InstanceNotFound,
    ):
        return None
    if (
        migration.source_compute != host
        or instance.task_state is not None
        or _is_undecided(migration, instance)
        or not bounds.wants_scaling(instance.flavor.extra_specs)
    ):
        return None
    return migration, instance


def _is_undecided(migration, instance):
    # A live migration's server has no way back once its new host has it.
    has_left = (
        migration.migration_type == fields.MigrationType.LIVE_MIGRATION
        and instance.host == migration.dest_compute
    )
    return instance.vm_state in _UNDECIDED and not (
        has_left and instance.vm_state == vm_states.ERROR
    )


def _settle(context, reportclient, migration, instance):
    # A resize on the same host that is confirmed has a new allocation there.
    has_stayed = (
        instance.host == migration.source_compute
        and migration.status != 'confirmed'
    )
    LOG.warning(
        'Migration %(migration)s from %(source)s to %(dest)s was cut off: its '
        'allocation is %(done)s.',
        {
            'migration': migration.uuid,
            'source': migration.source_compute,
            'dest': migration.dest_compute,
            'done': 'given back to the server' if has_stayed else 'deleted',
        },
        instance=instance,
    )
    if has_stayed:
        reportclient.move_allocations(context, migration.uuid, instance.uuid)
    else:
        reportclient.delete_allocation_for_instance(
            context, migration.uuid, consumer_type='migration'
        )
