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
"""What stands in a scale request's way before a compute host is asked.

The compute host checks all of it again, and much more; these checks are here
because a server that fails them may have no host that could answer. Codes and
texts are those of Nova's own actions.
"""

from nova import exception as nova_exception
from nova import servicegroup
from nova.compute import vm_states

from nova_ext import exception
from nova_ext.scaling.contract import Blocker

_WAIT = 'Wait until the running operation has ended, then ask again.'

#: What brings a server from a state back to ACTIVE.
_REMEDIES = {
    vm_states.BUILDING: 'Wait until the server is ACTIVE.',
    vm_states.STOPPED: 'Start the server (openstack server start).',
    vm_states.PAUSED: 'Unpause the server (openstack server unpause).',
    vm_states.SUSPENDED: 'Resume the server (openstack server resume).',
    vm_states.RESCUED: 'Unrescue the server (openstack server unrescue).',
    vm_states.RESIZED: (
        'Confirm or revert the resize (openstack server resize confirm).'
    ),
    vm_states.SHELVED: 'Unshelve the server (openstack server unshelve).',
    vm_states.SHELVED_OFFLOADED: (
        'Unshelve the server (openstack server unshelve).'
    ),
}
_RECOVER = 'Bring the server back to ACTIVE, by a hard reboot for example.'


def find(context, instance):
    """Return every :class:`Blocker` of a server, most lasting first.

    :param instance: with ``services`` loaded.
    """
    return [
        *_lock(context, instance),
        *_state(instance),
        *_host(instance),
    ]


def _lock(context, instance):
    if instance.locked and not context.is_admin:
        locked = nova_exception.InstanceIsLocked(instance_uuid=instance.uuid)
        yield Blocker(
            exception.ServerBusy(reason=locked.format_message()),
            'Unlock the server (openstack server unlock), or ask an '
            'administrator to scale it.',
        )


def _state(instance):
    if instance.vm_state != vm_states.ACTIVE:
        yield Blocker(
            _invalid(instance, 'vm_state'),
            _REMEDIES.get(instance.vm_state, _RECOVER),
        )
    if instance.task_state is not None:
        yield Blocker(_invalid(instance, 'task_state'), _WAIT)


def _invalid(instance, attribute):
    # The words of
    # nova.api.openstack.common.raise_http_conflict_for_instance_invalid_state
    return exception.ServerBusy(
        reason="Cannot 'scale' instance %s while it is in %s %s"
        % (instance.uuid, attribute, getattr(instance, attribute))
    )


def _host(instance):
    if not instance.host:
        missing = nova_exception.InstanceNotReady(instance_id=instance.uuid)
        yield Blocker(
            exception.ServerBusy(reason=missing.format_message()),
            'Wait until the server is on a compute host.',
        )
    elif not _is_up(instance):
        yield Blocker(
            exception.ComputeDown(server=instance.uuid),
            'Ask an administrator to bring nova-compute of this host back, '
            'then ask again.',
        )


def _is_up(instance):
    group = servicegroup.API()
    return any(
        group.service_is_up(service)
        for service in instance.services
        if service.binary == 'nova-compute'
    )
