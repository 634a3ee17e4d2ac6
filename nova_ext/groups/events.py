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
"""Nova's versioned notifications, and what guests know them by.

The ``event_type`` that guests read is that of Nova's older, unversioned
notifications: ``compute.instance.`` and a suffix. Most suffixes are the same
in both; `OLD_NAMES` has the others.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

PREFIX = 'compute.instance.'

#: Start of a versioned suffix -> start of the old one.
OLD_NAMES = {
    'live_migration_abort': 'live.migration.abort',
    'live_migration_force_complete': 'live.migration.force.complete',
    'live_migration_post': 'live_migration._post',
    'live_migration_post_dest': 'live_migration.post.dest',
    'live_migration_pre': 'live_migration.pre',
    'live_migration_rollback': 'live_migration._rollback',
    'live_migration_rollback_dest': 'live_migration.rollback.dest',
    'rebuild_scheduled': 'rebuild.scheduled',
    'resize_confirm': 'resize.confirm',
    'resize_finish': 'finish_resize',
    'resize_prep': 'resize.prep',
    'resize_revert': 'resize.revert',
    'volume_attach': 'volume.attach',
    'volume_detach': 'volume.detach',
}

#: Not a change of the server: the usage audit repeats it for every server.
SKIPPED = {'exists'}

_INSTANCE = 'instance.'
_GROUP = 'server_group.'


@dataclasses.dataclass(frozen=True)
class ServerEvent:
    """Something happened to a server.

    :ivar event_type: as guests know it.
    :ivar data: the fields of the notification's payload.
    """

    uuid: str
    event_type: str
    timestamp: str
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class GroupEvent:
    """A server group was made, changed or deleted."""

    uuid: str
    members: tuple[str, ...]


def parse(
    event_type: str, payload: Any, timestamp: str
) -> ServerEvent | GroupEvent | None:
    """Read a notification; None when it is of no concern here."""
    data = fields(payload)
    uuid = data.get('uuid')
    if not isinstance(uuid, str):
        return None
    if event_type.startswith(_GROUP):
        return GroupEvent(uuid, tuple(data.get('members') or ()))
    suffix = event_type.removeprefix(_INSTANCE)
    if suffix == event_type or suffix.split('.')[0] in SKIPPED:
        return None
    return ServerEvent(uuid, old_name(suffix), timestamp, data)


def old_name(suffix: str) -> str:
    """Return the old event type of a versioned one, given what follows
    ``instance.``: ``pause.end`` gives ``compute.instance.pause.end``."""
    action, dot, phase = suffix.partition('.')
    return PREFIX + OLD_NAMES.get(action, action) + dot + phase


def fields(value: Any) -> dict[str, Any]:
    """Return the fields of a notification's object; none of another value."""
    if not isinstance(value, Mapping):
        return {}
    data = value.get('nova_object.data')
    return dict(data) if isinstance(data, Mapping) else {}
