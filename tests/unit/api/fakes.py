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
"""A cloud of plain data behind Nova's own API classes."""

from unittest import mock

from nova import context
from nova import exception
from nova import objects
from nova import servicegroup
from nova.compute import api as compute
from oslo_serialization import jsonutils
import webob

from nova_ext.api import compute_rpc
from nova_ext.api import filter as api_filter
from nova_ext.model import record

PROJECT = '0c1b8e0d7e8f4b0c9d4ab7d5b7f6a001'
OTHER_PROJECT = 'ffffffffffffffffffffffffffffffff'
SERVER = '5b8f6a3e-54ab-4a5c-9a5e-0d6d9f3f7a11'
UNKNOWN = '00000000-0000-4000-8000-000000000000'
SCALABLE = {'hw:cpu_policy': 'dedicated', 'wrs:min_vcpus': '2'}

LAST = {
    'request_id': 'req-1',
    'direction': 'down',
    'target': 3,
    'reached': 4,
    'state': 'in progress',
    'reason': '',
    'updated_at': '2026-01-01T00:00:00Z',
}
PLAN = {
    'current': 4,
    'target': 3,
    'steps': [{'direction': 'down', 'vcpu': None, 'pcpu': None}],
    'blockers': [],
}


def user(project=PROJECT, roles=('member', 'reader'), admin=False):
    """Return the context of a caller."""
    return context.RequestContext(
        user_id='u1',
        project_id=project,
        roles=list(roles) + (['admin'] if admin else []),
        is_admin=admin,
        overwrite=False,
    )


def flavor(vcpus=4, specs=None):
    """Return a Nova flavor."""
    return objects.Flavor(
        id=1,
        flavorid='f1',
        name='f1',
        vcpus=vcpus,
        extra_specs=dict(SCALABLE if specs is None else specs),
    )


def server(**changes):
    """Return a Nova server: ACTIVE, on a host, all of 4 vCPUs online."""
    values = {
        'uuid': SERVER,
        'project_id': PROJECT,
        'user_id': 'u1',
        'vm_state': 'active',
        'task_state': None,
        'locked': False,
        'host': 'host1',
        'flavor': flavor(),
        'system_metadata': {},
        'services': objects.ServiceList(
            objects=[objects.Service(binary='nova-compute', host='host1')]
        ),
        **changes,
    }
    values.setdefault('numa_topology', topology(values['system_metadata']))
    return objects.Instance(**values)


def topology(metadata):
    """Return the pins of 16 vCPUs; the metadata's offline ones are parked."""
    offline = record.ScaleRecord.from_metadata(metadata).offline
    pins = {vcpu: 0 if vcpu in offline else vcpu for vcpu in range(16)}
    cell = objects.InstanceNUMACell(
        id=0, cpuset=set(), pcpuset=set(pins), memory=512, cpu_pinning=pins
    )
    return objects.InstanceNUMATopology(cells=[cell])


class Nova:
    """The application behind the filter; keeps the bodies that it reads."""

    def __init__(self):
        self.bodies = []
        self.response = webob.Response('from nova', status=200)

    def __call__(self, environ, start_response):
        request = webob.Request(environ)
        self.bodies.append(request.body)
        return self.response(environ, start_response)


class Cloud:
    """One server, its compute host, and nova-api with the filter."""

    def __init__(self, monkeypatch):
        self.server = server()
        self.up = True
        self.actions = []
        self.calls = []
        self.answer = {'last_request': LAST}
        self.plan = {'plan': PLAN}
        self.cell_error = None
        self.nova = Nova()
        self._events = mock.Mock()
        patch = monkeypatch.setattr
        patch(compute.API, 'get', self._get)
        patch(servicegroup.API, 'service_is_up', lambda *_: self.up)
        patch(objects.InstanceAction, 'action_start', self._action_start)
        patch(objects, 'InstanceActionEvent', self._events)
        patch(objects.Instance, 'refresh', lambda _: None)
        patch(compute_rpc.ComputeRPC, 'scale', self._scale)
        patch(compute_rpc.ComputeRPC, 'plan', self._plan)
        self.filter = api_filter.factory({})(self.nova)

    def _get(self, ctxt, server_id, expected_attrs=None, **kwargs):
        if self.cell_error:
            raise self.cell_error
        mine = ctxt.is_admin or self.server.project_id == ctxt.project_id
        if server_id != self.server.uuid or not mine:
            raise exception.InstanceNotFound(instance_id=server_id)
        return self.server

    def _action_start(self, ctxt, uuid, name, want_result=True):
        self.actions.append((uuid, name))

    def _scale(self, ctxt, instance, **arguments):
        self.calls.append(('scale', arguments))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def _plan(self, ctxt, instance, **arguments):
        self.calls.append(('plan', arguments))
        if isinstance(self.plan, Exception):
            raise self.plan
        return self.plan

    def request(self, method, path, body=None, ctxt=None, headers=None):
        """Send a request with a token; ``body`` is JSON or bytes."""
        request = webob.Request.blank(path, method=method)
        request.environ['nova.context'] = ctxt or user()
        request.headers.update(headers or {})
        if body is not None:
            raw = isinstance(body, bytes)
            request.body = body if raw else jsonutils.dump_as_bytes(body)
            request.content_type = 'application/json'
        return request.get_response(self.filter)


def fault(response):
    """Return the text of an answer in Nova's own fault format."""
    ((name, content),) = response.json.items()
    assert content['code'] == response.status_int, name
    return content['message']
