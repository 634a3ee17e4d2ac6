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
"""Add ``wrs-res:vcpus`` to Nova's servers for callers that ask for it.

They ask with a ``wrs-header`` request header, as in the earlier system.
Leans on ``InstanceMappingList.get_by_instance_uuids``,
``InstanceList.get_by_filters`` and ``nova.context.target_cell``; since Nova
31.
"""

from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from oslo_log import log as logging
from oslo_serialization import jsonutils
import webob

from nova_ext.api import views

LOG = logging.getLogger(__name__)

KEY = 'wrs-res:vcpus'


class LegacyView:
    """Wraps Nova for one ``GET /servers/{id}`` or ``/servers/detail``."""

    def __init__(self, application):
        """Wrap the WSGI application that is Nova."""
        self._application = application

    def __call__(self, environ, start_response):
        """Answer as Nova does, with the key added where it can be."""
        context = environ['nova.context']
        response = webob.Request(environ).get_response(self._application)
        if _is_json(response):
            try:
                _add_to(response, context)
            except Exception:
                # What is shown beside Nova's answer must not cost the answer.
                LOG.exception('nova-ext: %s is left out', KEY)
        return response(environ, start_response)


def _is_json(response):
    return (
        response.status_int == 200
        and response.content_type == 'application/json'
    )


def _add_to(response, context):
    body = jsonutils.loads(response.body)
    servers = body.get('servers', [body.get('server')])
    servers = {
        server['id']: server for server in servers if 'id' in (server or {})
    }
    if not servers:
        return
    for instance in _instances(context.elevated(read_deleted='yes'), servers):
        servers[instance.uuid][KEY] = views.legacy_vcpus(instance)
    response.body = jsonutils.dump_as_bytes(body)


def _instances(context, uuids):
    """Yield those of the instances that can be found, deleted ones too."""
    mappings = objects.InstanceMappingList.get_by_instance_uuids(
        context, list(uuids)
    )
    by_cell = {}
    for mapping in mappings:
        cell = mapping.cell_mapping
        by_cell.setdefault(cell and cell.uuid, (cell, []))[1].append(
            mapping.instance_uuid
        )
    for cell, found in by_cell.values():
        if cell is None:
            yield from _unscheduled(context, found)
        else:
            yield from _in_cell(context, cell, found)


def _in_cell(context, cell, uuids):
    try:
        with nova_context.target_cell(context, cell) as targeted:
            return list(
                objects.InstanceList.get_by_filters(
                    targeted,
                    {'uuid': uuids},
                    expected_attrs=[
                        'flavor',
                        'numa_topology',
                        'system_metadata',
                    ],
                )
            )
    except Exception as error:
        LOG.warning('nova-ext: cell %s did not answer: %s', cell.uuid, error)
        return []


def _unscheduled(context, uuids):
    for uuid in uuids:
        try:
            request = objects.BuildRequest.get_by_instance_uuid(context, uuid)
        except nova_exception.BuildRequestNotFound:
            continue
        yield request.instance
