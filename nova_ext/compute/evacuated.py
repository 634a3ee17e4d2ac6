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
"""Finish evacuations that were cut off when the server already ran.

An evacuation's new host takes over the server a moment after it has saved it
as started (``ComputeManager._do_rebuild_instance``, then
``ResourceTracker.finish_evacuation``). nova-compute that dies between the two
leaves a server that runs here and belongs to its old host. Nova counts a
migration only while the server's task state says so, and it does not any
more; so the server's cores would be free for others (Nova 31 to 34).
"""

from nova import objects
from nova.compute import power_state
from nova.compute import task_states
from nova.compute import vm_states
from nova.objects import fields
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: From the claim until the new host has taken the server over.
_UNFINISHED = 'pre-migrating'

#: Once it has been started; one that was stopped before is stopped again.
_STARTED = (None, task_states.POWERING_OFF)


def finish(context, tracker, nodename):
    """Take over each server that was evacuated to a node, and runs there.

    To be called when nova-compute starts, after an audit: nobody else works
    on an evacuation to this host then.

    :param tracker: the ``ResourceTracker``, which knows host and driver.
    :returns: whether there was one, which the audit has not counted.
    """
    migrations = objects.MigrationList.get_by_filters(
        context,
        {
            'host': tracker.host,
            'migration_type': fields.MigrationType.EVACUATION,
            'status': _UNFINISHED,
        },
    )
    arrived = [
        _take_over(context, tracker, nodename, migration)
        for migration in migrations
        if migration.dest_compute == tracker.host
        and migration.dest_node == nodename
    ]
    return any(arrived)


def _take_over(context, tracker, nodename, migration):
    try:
        instance = objects.Instance.get_by_uuid(
            context,
            migration.instance_uuid,
            expected_attrs=['migration_context', 'numa_topology'],
        )
        if not _runs_here(tracker.driver, instance, migration):
            return False
        _settle_state(tracker.driver, instance)
        LOG.warning(
            'Evacuation %(migration)s from %(source)s was cut off when the '
            'server had been started here: it is finished now, and the server '
            'is %(state)s. If it was stopped before and runs, stop it again.',
            {
                'migration': migration.uuid,
                'source': migration.source_compute,
                'state': instance.vm_state,
            },
            instance=instance,
        )
        tracker.finish_evacuation(instance, nodename, migration)
    except Exception:
        LOG.exception(
            'Evacuation %s, which was cut off, could not be finished; the '
            'next start of nova-compute tries again.',
            migration.uuid,
        )
        return False
    return True


def _settle_state(driver, instance):
    """Say of a server what it is, where its stop may have been cut off."""
    instance.power_state = driver.get_info(instance).state
    if (
        instance.task_state == task_states.POWERING_OFF
        and instance.power_state == power_state.SHUTDOWN
    ):
        instance.vm_state = vm_states.STOPPED
    instance.task_state = None


def _runs_here(driver, instance, migration):
    return is_started(instance, migration) and driver.instance_exists(instance)


def is_started(instance, migration):
    """Return whether an evacuation has saved the server as started.

    Its new host has not taken it over yet, which it does next.
    """
    claim = instance.migration_context
    return (
        migration.status == _UNFINISHED
        and claim is not None
        and claim.migration_id == migration.id
        and instance.host == migration.source_compute
        and instance.task_state in _STARTED
        and instance.launched_at is not None
        and instance.launched_at >= migration.created_at
        and migration.migration_type == fields.MigrationType.EVACUATION
    )
