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
"""``offline_cpuset`` beside Nova's metadata."""

import hashlib
import hmac

from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova.api.metadata import base
from nova.api.metadata import handler
from nova.objects import cell_mapping
import pytest
import webob

from nova_ext.api import metadata
from nova_ext.conf import CONF
from tests.unit.api import fakes

PATH = '/latest/meta-data/offline_cpuset'
SECRET = 'secret'
CELL = cell_mapping.CellMapping(uuid='33333333-3333-4333-8333-333333333333')


class NovasMetadata:
    """As Nova's handler makes and caches it."""

    def __init__(self, instance):
        self.instance = instance
        self.looked_up = []

    def lookup(self, path):
        self.looked_up.append(path)
        if path.endswith('/meta_data.json'):
            return b'{"uuid": "%s"}' % self.instance.uuid.encode()
        if path.startswith('/latest/meta-data'):
            return 'nova has %s' % path
        raise base.InvalidMetadataPath(path)

    def get_mimetype(self):
        return 'text/plain'


@pytest.fixture
def service(monkeypatch):
    """Serve the metadata of one server by its signed id."""
    CONF.set_override('service_metadata_proxy', True, group='neutron')
    CONF.set_override('metadata_proxy_shared_secret', SECRET, group='neutron')
    service = Service(monkeypatch)
    yield service
    CONF.clear_override('service_metadata_proxy', group='neutron')
    CONF.clear_override('metadata_proxy_shared_secret', group='neutron')


class Service:
    def __init__(self, monkeypatch):
        self.server = fakes.server()
        self.built = []
        self.mapped = True
        patch = monkeypatch.setattr
        patch(base, 'get_metadata_by_instance_id', self._build)
        patch(objects.InstanceMapping, 'get_by_instance_uuid', self._mapping)
        patch(objects.Instance, 'get_by_uuid', self._instance)
        patch(nova_context, 'set_target_cell', lambda ctxt, cell: None)
        self.application = metadata.app_factory({})

    def _build(self, instance_id, address, ctxt=None):
        if instance_id != self.server.uuid:
            raise nova_exception.InstanceNotFound(instance_id=instance_id)
        self.built.append(NovasMetadata(self.server))
        return self.built[-1]

    def _mapping(self, ctxt, uuid):
        if not self.mapped:
            raise nova_exception.InstanceMappingNotFound(uuid=uuid)
        return objects.InstanceMapping(instance_uuid=uuid, cell_mapping=CELL)

    def _instance(self, ctxt, uuid, expected_attrs):
        if self.server is None:
            raise nova_exception.InstanceNotFound(instance_id=uuid)
        return self.server

    def get(self, path=PATH, uuid=fakes.SERVER, **headers):
        sign = hmac.new(SECRET.encode(), uuid.encode(), hashlib.sha256)
        found = {
            'X-Instance-ID': uuid,
            'X-Tenant-ID': fakes.PROJECT,
            'X-Instance-ID-Signature': sign.hexdigest(),
            'X-Forwarded-For': '10.0.0.7',
            **{name.replace('_', '-'): text for name, text in headers.items()},
        }
        request = webob.Request.blank(path, headers=found)
        return request.get_response(self.application)


@pytest.mark.parametrize(
    'mask, text',
    [
        (None, 'set([])'),
        ('0x2', 'set([1])'),
        ('0x6', 'set([1, 2])'),
        ('0x400c', 'set([2, 3, 14])'),
    ],
)
def test_offline_cpuset(service, mask, text):
    metadata = {'nova_ext_offline': mask} if mask else {}
    service.server = fakes.server(system_metadata=metadata)
    response = service.get()
    assert (response.status_int, response.text) == (200, text)
    assert response.content_type == 'text/plain'


@pytest.mark.parametrize(
    'path',
    [
        '/2009-04-04/meta-data/offline_cpuset',
        '/2008-09-01/meta-data/offline_cpuset',
        '/ec2/latest/meta-data/offline_cpuset',
        '/latest//meta-data/offline_cpuset',
        '/latest/meta-data/offline_cpuset/',
    ],
)
def test_other_ways_to_say_it(service, path):
    assert service.get(path).text == 'set([])'


def test_it_is_never_from_the_cache(service):
    assert service.get().text == 'set([])'
    service.server = fakes.server(system_metadata={'nova_ext_offline': '0x8'})
    assert service.get().text == 'set([3])'
    # Nova's own cache was used, or this test would show nothing.
    assert len(service.built) == 1


def test_a_resized_server_has_a_core_for_each_vcpu(service):
    metadata = {'nova_ext_offline': '0x8'}
    service.server = fakes.server(
        system_metadata=metadata, numa_topology=fakes.topology({})
    )
    assert service.get().text == 'set([])'


def test_all_else_is_nova_s(service):
    response = service.get('/latest/meta-data/')
    assert response.text == 'nova has /latest/meta-data/'
    assert (
        service.get('/2007-01-19/meta-data/offline_cpuset').status_int == 404
    )
    assert service.get('/latest/offline_cpuset').status_int == 404
    assert service.get('/').text.endswith('latest')


def test_nova_decides_who_asks(service):
    assert service.get(X_Instance_ID_Signature='forged').status_int == 403
    assert service.get(X_Tenant_ID=fakes.OTHER_PROJECT).status_int == 404
    assert service.get(uuid=fakes.UNKNOWN).status_int == 404


def test_a_server_that_has_just_gone(service):
    service.get()
    service.server = None
    assert service.get().status_int == 404


def test_a_server_that_is_not_mapped(service):
    service.mapped = False
    assert service.get().text == 'set([])'


def test_metadata_of_one_cell_needs_no_api_database(service):
    CONF.set_override('local_metadata_per_cell', True, group='api')
    service.mapped = AssertionError
    try:
        assert service.get().text == 'set([])'
    finally:
        CONF.clear_override('local_metadata_per_cell', group='api')


def test_it_is_novas_handler(service):
    assert isinstance(service.application, handler.MetadataRequestHandler)
