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
"""Who is in a server group, and what is known of servers: Nova's records.

The one file of this room that imports Nova. It runs in a process of ours with
a controller's nova.conf and reads Nova's databases as nova-api does, each
cell's by its mapping. Leans on ``nova.config.parse_args``,
``nova.context.target_cell``, and on the objects ``CellMappingList``,
``HostMapping``, ``InstanceGroup.get_by_instance_uuid``, ``InstanceList``,
``InstanceMappingList`` and ``MigrationList``; all since Nova 31.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import functools
from typing import Any
from typing import ParamSpec
from typing import TypeVar

from nova import config
from nova import context as nova_context
from nova import exception
from nova import objects
from nova.notifications import base as notifications
from oslo_log import log as logging
import oslo_messaging

from nova_ext import conf
from nova_ext.groups import ports
from nova_ext.model import messaging

LOG = logging.getLogger(__name__)

P = ParamSpec('P')
R = TypeVar('R')


def start(argv: list[str]) -> Any:
    """Read nova.conf and make Nova's objects usable.

    :param argv: the arguments, with the program's name.
    :returns: the configuration, with Nova's options and ours.
    """
    # Native threads, whatever this release of Nova patches in its own
    # programs: nothing of nova.cmd is imported here.
    config.parse_args(argv, init_rpc=False)
    # CellMapping fills the cells' URLs in from [DEFAULT]transport_url, which
    # oslo.messaging registers when it is first asked for a URL.
    oslo_messaging.TransportURL.parse(conf.CONF)
    objects.register_all()
    return conf.CONF


def buses() -> dict[str, str]:
    """Return the URL of each cell's message bus, by the cell's uuid."""
    context = nova_context.get_admin_context()
    return {
        cell.uuid: cell.transport_url
        for cell in objects.CellMappingList.get_all(context)
        if not cell.is_cell0() and not cell.disabled
    }


def _reads(method: Callable[P, R]) -> Callable[P, R]:
    """Let whatever keeps Nova's records from being read look the same."""

    @functools.wraps(method)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            LOG.debug('Cannot read', exc_info=True)
            raise ports.MembershipUnknown(
                '%s: %s' % (type(error).__name__, error)
            ) from error

    return reading


class NovaMembership:
    """Implements `ports.Membership`; safe to use from several threads."""

    @_reads
    def server_at(self, host: str, name: str) -> str | None:
        """Return the uuid of the instance of this name on a host.

        Also of one that a live migration brings there: its guest speaks on
        the new host before Nova says that it is there.
        """
        context = nova_context.get_admin_context()
        try:
            cell = objects.HostMapping.get_by_host(context, host).cell_mapping
        except exception.HostMappingNotFound:
            return None
        with nova_context.target_cell(context, cell) as cell_context:
            for find in (_residents, _arrivals):
                for instance in find(cell_context, host):
                    if instance.name == name:
                        return str(instance.uuid)
        return None

    @_reads
    def group_of(self, uuid: str) -> ports.Group | None:
        """Return the group of a server, which may just have been deleted."""
        try:
            group = objects.InstanceGroup.get_by_instance_uuid(
                nova_context.get_admin_context(), uuid
            )
        except exception.InstanceGroupNotFound:
            return None
        return ports.Group(group.uuid, tuple(group.members))

    @_reads
    def members(self, uuids: Iterable[str]) -> dict[str, ports.Member]:
        """Return those servers that exist, by uuid."""
        return {
            instance.uuid: ports.Member(
                uuid=instance.uuid,
                name=instance.name,
                host=instance.host or '',
                project=instance.project_id,
                cell=cell,
                messaging=messaging.wants_messaging(
                    instance.flavor.extra_specs
                ),
            )
            for cell, instance in _instances(uuids, ['flavor'], False)
        }

    @_reads
    def facts(
        self, uuids: Iterable[str], deleted: bool = False
    ) -> dict[str, ports.Facts]:
        """Return the facts of servers by uuid.

        :param deleted: also of those that were deleted.
        """
        attributes = ['flavor', 'metadata', 'system_metadata']
        return {
            instance.uuid: _facts(instance)
            for _, instance in _instances(uuids, attributes, deleted)
        }


def _residents(context: Any, host: str) -> Any:
    return objects.InstanceList.get_by_host(context, host, expected_attrs=[])


def _arrivals(context: Any, host: str) -> Any:
    coming = objects.MigrationList.get_by_filters(
        context,
        {
            'host': host,
            'migration_type': 'live-migration',
            'status': ['running', 'completed'],
        },
    )
    uuids = [one.instance_uuid for one in coming if one.dest_compute == host]
    return _in_cell(context, uuids, [], False)


def _in_cell(
    context: Any, uuids: list[str], attributes: list[str], deleted: bool
) -> Any:
    filters: dict[str, Any] = {'uuid': uuids}
    if not deleted:
        filters['deleted'] = False
    if not uuids:
        return []
    return objects.InstanceList.get_by_filters(
        context, filters, expected_attrs=attributes
    )


def _instances(
    uuids: Iterable[str], attributes: list[str], deleted: bool
) -> Iterator[tuple[str, Any]]:
    """Yield ``(cell uuid, instance)`` of each that can be found."""
    context = nova_context.get_admin_context(
        read_deleted='yes' if deleted else 'no'
    )
    cells: dict[str, tuple[Any, list[str]]] = {}
    for mapping in objects.InstanceMappingList.get_by_instance_uuids(
        context, list(uuids)
    ):
        # One that is not scheduled yet is in no cell.
        if mapping.cell_mapping is not None:
            found = cells.setdefault(
                mapping.cell_mapping.uuid, (mapping.cell_mapping, [])
            )
            found[1].append(mapping.instance_uuid)
    for uuid, (cell, members) in cells.items():
        with nova_context.target_cell(context, cell) as cell_context:
            for instance in _in_cell(
                cell_context, members, attributes, deleted
            ):
                yield uuid, instance


def _facts(instance: Any) -> ports.Facts:
    """Return what `payload.status` may tell; no more is even collected."""
    flavor = instance.flavor
    return {
        'tenant_id': instance.project_id,
        'user_id': instance.user_id,
        'instance_id': instance.uuid,
        'display_name': instance.display_name,
        'reservation_id': instance.reservation_id,
        'hostname': instance.hostname,
        'instance_type': flavor.name,
        'instance_type_id': instance.instance_type_id,
        'instance_flavor_id': flavor.flavorid,
        'architecture': instance.architecture,
        'memory_mb': flavor.memory_mb,
        'disk_gb': flavor.root_gb + flavor.ephemeral_gb,
        'vcpus': flavor.vcpus,
        'root_gb': flavor.root_gb,
        'ephemeral_gb': flavor.ephemeral_gb,
        'host': instance.host,
        'node': instance.node,
        'availability_zone': instance.availability_zone,
        'created_at': instance.created_at,
        'terminated_at': instance.terminated_at,
        'deleted_at': instance.deleted_at,
        'launched_at': instance.launched_at,
        'image_ref_url': instance.image_ref,
        'os_type': instance.os_type,
        'kernel_id': instance.kernel_id,
        'ramdisk_id': instance.ramdisk_id,
        'state': instance.vm_state,
        'state_description': instance.task_state,
        'progress': instance.progress,
        'access_ip_v4': _text(instance.access_ip_v4),
        'access_ip_v6': _text(instance.access_ip_v6),
        'image_meta': notifications.image_meta(instance.system_metadata),
        'metadata': dict(instance.metadata),
    }


def _text(address: Any) -> str | None:
    return None if address is None else str(address)
