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
"""What guests are told of a server: an allow-list, and where it comes from.

The keys are those of Nova's older notifications, which guests were written
for. Whatever is not listed here never leaves: user data, passwords, keys,
addresses of volumes and shares, tracebacks, who asked for an operation.

The names of hosts, and error texts, which may name hosts and files, leave
only with ``[nova_ext_groups]show_host_internals``. Without it ``host`` and
``node`` have the value that the compute API calls ``hostId``: the same for
servers of one project on one host, and nothing else can be learnt from it.
"""

import datetime
import hashlib
from typing import Any

from nova_ext.groups import events
from nova_ext.groups import ports

#: Every key of a server's status, in its order. One without a value is null.
STATUS_KEYS = (
    'tenant_id',
    'user_id',
    'instance_id',
    'display_name',
    'reservation_id',
    'hostname',
    'instance_type',
    'instance_type_id',
    'instance_flavor_id',
    'architecture',
    'memory_mb',
    'disk_gb',
    'vcpus',
    'root_gb',
    'ephemeral_gb',
    'host',
    'node',
    'availability_zone',
    'cell_name',
    'created_at',
    'terminated_at',
    'deleted_at',
    'launched_at',
    'image_ref_url',
    'os_type',
    'kernel_id',
    'ramdisk_id',
    'state',
    'state_description',
    'progress',
    'access_ip_v4',
    'access_ip_v6',
    'image_meta',
    'metadata',
)

#: Field of a versioned notification -> key of the status.
_FIELDS = {
    'tenant_id': 'tenant_id',
    'user_id': 'user_id',
    'uuid': 'instance_id',
    'display_name': 'display_name',
    'reservation_id': 'reservation_id',
    'host_name': 'hostname',
    'architecture': 'architecture',
    'host': 'host',
    'node': 'node',
    'availability_zone': 'availability_zone',
    'image_uuid': 'image_ref_url',
    'os_type': 'os_type',
    'kernel_id': 'kernel_id',
    'ramdisk_id': 'ramdisk_id',
    'state': 'state',
    'progress': 'progress',
    'metadata': 'metadata',
}
_FLAVOR_FIELDS = {
    'name': 'instance_type',
    'flavorid': 'instance_flavor_id',
    'memory_mb': 'memory_mb',
    'vcpus': 'vcpus',
    'root_gb': 'root_gb',
    'ephemeral_gb': 'ephemeral_gb',
}
#: Further fields that a notification passes on, under the same name.
_EXTRA_FIELDS = ('old_display_name', 'online_vcpus', 'volume_id')
_STATE_FIELDS = ('old_state', 'state', 'old_task_state', 'new_task_state')
_AUDIT_FIELDS = ('audit_period_beginning', 'audit_period_ending')

#: ``power_state`` in numbers, as ``nova.compute.power_state`` has them.
_POWER_STATES = {
    'pending': 0,
    'running': 1,
    'paused': 3,
    'shutdown': 4,
    'crashed': 6,
    'suspended': 7,
}
_UPDATE = events.PREFIX + 'update'


def status(facts: ports.Facts, show_internals: bool) -> dict[str, Any]:
    """Return the status of one server.

    :param show_internals: whether host names may leave.
    """
    found = {key: facts.get(key) for key in STATUS_KEYS}
    found['cell_name'] = ''
    found['state_description'] = found['state_description'] or ''
    found['image_meta'] = found['image_meta'] or {}
    found['metadata'] = found['metadata'] or {}
    found['created_at'] = _time(found['created_at'], '%Y-%m-%d %H:%M:%S+00:00')
    for key in ('terminated_at', 'deleted_at', 'launched_at'):
        found[key] = _time(found[key], '%Y-%m-%dT%H:%M:%S.%f')
    if not show_internals:
        shown = _host_id(found['tenant_id'], found['host'])
        found['host'] = shown
        found['node'] = shown and found['node'] and shown
    return found


def notification(
    event: events.ServerEvent, facts: ports.Facts, show_internals: bool
) -> dict[str, Any]:
    """Return the notification of an event.

    :param facts: those of Nova's records, of which the event's prevail.
    :param show_internals: whether host names and error texts may leave.
    """
    payload = status({**facts, **_facts_of(event.data)}, show_internals)
    payload.update(_extras(event, show_internals))
    return {
        'payload': payload,
        'event_type': event.event_type,
        'priority': 'INFO',
        'timestamp': event.timestamp,
    }


def _facts_of(data: dict[str, Any]) -> ports.Facts:
    facts = {key: data[name] for name, key in _FIELDS.items() if name in data}
    if 'task_state' in data:
        facts['state_description'] = data['task_state']
    for name in ('created_at', 'terminated_at', 'deleted_at', 'launched_at'):
        if name in data:
            facts[name] = data[name]
    flavor = events.fields(data.get('flavor'))
    for name, key in _FLAVOR_FIELDS.items():
        if name in flavor:
            facts[key] = flavor[name]
    if 'root_gb' in flavor and 'ephemeral_gb' in flavor:
        facts['disk_gb'] = flavor['root_gb'] + flavor['ephemeral_gb']
    return facts


def _extras(event: events.ServerEvent, show_internals: bool) -> dict[str, Any]:
    data = event.data
    extras = {
        name: data[name]
        for name in _EXTRA_FIELDS
        if data.get(name) is not None
    }
    fault = events.fields(data.get('fault'))
    if fault:
        extras['exception'] = fault.get('exception')
        extras['message'] = fault.get(
            'exception_message' if show_internals else 'exception'
        )
    new_flavor = events.fields(data.get('new_flavor'))
    if new_flavor:
        extras['new_instance_type'] = new_flavor.get('name')
    if event.event_type == _UPDATE:
        extras.update(_update(data))
    return extras


def _update(data: dict[str, Any]) -> dict[str, Any]:
    change = events.fields(data.get('state_update'))
    period = events.fields(data.get('audit_period'))
    return {
        **{name: change.get(name) for name in _STATE_FIELDS},
        'power_state': _POWER_STATES.get(str(data.get('power_state')), 0),
        **{
            name: _time(period.get(name), '%Y-%m-%dT%H:%M:%S.%f')
            for name in _AUDIT_FIELDS
        },
        'bandwidth': {},
    }


def _host_id(project: Any, host: Any) -> str | None:
    """As ``hostId`` of the compute API (nova/api/.../views/servers.py)."""
    if not host:
        return None
    text = '%s%s' % (project, host)
    return hashlib.sha224(text.encode('utf-8')).hexdigest()


def _time(value: Any, layout: str) -> str:
    """Return a time in the layout; empty without one."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.rstrip('Z'))
        except ValueError:
            return str(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).strftime(layout)
    return ''
