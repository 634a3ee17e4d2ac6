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
"""``wrs-res:vcpus`` in Nova's own answers."""

from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova.objects import cell_mapping
from oslo_serialization import jsonutils
import pytest
import webob

from tests.unit.api import fakes

URL = '/servers/%s' % fakes.SERVER
OTHER = '11111111-1111-4111-8111-111111111111'
UNSCHEDULED = '22222222-2222-4222-8222-222222222222'
CELL = cell_mapping.CellMapping(uuid='33333333-3333-4333-8333-333333333333')


@pytest.fixture
def listed(cloud, monkeypatch):
    """Put two servers into a cell, and one into none yet."""
    down = {'nova_ext_offline': '0x8'}
    in_cell = {
        fakes.SERVER: fakes.server(system_metadata=down),
        OTHER: fakes.server(uuid=OTHER, flavor=fakes.flavor(1, {})),
    }
    cells = {**dict.fromkeys(in_cell, CELL), UNSCHEDULED: None}

    def mappings(ctxt, uuids):
        return [
            objects.InstanceMapping(
                instance_uuid=uuid, cell_mapping=cells[uuid]
            )
            for uuid in uuids
            if uuid in cells
        ]

    def instances(ctxt, filters, expected_attrs):
        # Deleted servers are listed too.
        assert ctxt.read_deleted == 'yes'
        return [in_cell[uuid] for uuid in filters['uuid']]

    def build_request(ctxt, uuid):
        return objects.BuildRequest(instance=fakes.server(uuid=uuid))

    patch = monkeypatch.setattr
    patch(objects.InstanceMappingList, 'get_by_instance_uuids', mappings)
    patch(objects.InstanceList, 'get_by_filters', instances)
    patch(objects.BuildRequest, 'get_by_instance_uuid', build_request)
    patch(nova_context, 'set_target_cell', lambda ctxt, cell: None)
    return cloud


def get(cloud, path, answer, header='wrs-header', status=200, kind='json'):
    cloud.nova.response = webob.Response(
        body=answer if isinstance(answer, bytes) else dump(answer),
        status=status,
        content_type='application/' + kind,
    )
    cloud.nova.response.headers['OpenStack-API-Version'] = 'compute 2.90'
    cloud.nova.response.headers.add('Vary', 'OpenStack-API-Version')
    return cloud.request('GET', path, headers={header: ''})


def dump(body):
    return jsonutils.dump_as_bytes(body)


def test_one_server(listed):
    response = get(listed, URL, {'server': {'id': fakes.SERVER, 'x': 1}})
    assert response.json == {
        'server': {'id': fakes.SERVER, 'x': 1, 'wrs-res:vcpus': [2, 3, 4]}
    }
    assert response.content_length == len(response.body)
    assert response.headers['OpenStack-API-Version'] == 'compute 2.90'
    assert response.headers['Vary'] == 'OpenStack-API-Version'


def test_any_value_of_the_header_counts(listed):
    body = dump({'server': {'id': fakes.SERVER}})
    listed.nova.response = webob.Response(
        body, content_type='application/json'
    )
    for value in ('', 'wrs-header', 'false'):
        response = listed.request('GET', URL, headers={'wrs-header': value})
        assert response.json['server']['wrs-res:vcpus'] == [2, 3, 4]


def test_without_the_header_nothing_changes(listed):
    answer = b'{"server":  {"id": "%s"}}\n' % fakes.SERVER.encode()
    response = get(listed, URL, answer, header='x-other')
    assert response.body == answer


def test_list(listed):
    uuids = [fakes.SERVER, OTHER, UNSCHEDULED, fakes.UNKNOWN]
    answer = {
        'servers': [{'id': uuid} for uuid in uuids],
        'servers_links': [{'rel': 'next'}],
    }
    response = get(listed, '/servers/detail', answer)
    assert [
        server.get('wrs-res:vcpus') for server in response.json['servers']
    ] == [[2, 3, 4], [1, 1, 1], [2, 4, 4], None]
    assert response.json['servers_links'] == [{'rel': 'next'}]


@pytest.mark.parametrize('query', ['', '?deleted=True&all_tenants=1'])
def test_empty_list(listed, query):
    answer = b'{"servers":   []}'
    assert get(listed, '/servers/detail' + query, answer).body == answer


@pytest.mark.parametrize(
    'answer, status, kind',
    [
        (b'{"server": {"id": "%s"}}' % fakes.SERVER.encode(), 203, 'json'),
        (b'{"itemNotFound":  {"code": 404}}', 404, 'json'),
        (b'{"server":  ', 200, 'json'),
        (b'{"server": {"id": "%s"}}' % fakes.SERVER.encode(), 200, 'xml'),
        (b'{"server": null}', 200, 'json'),
        (b'{"other":  1}', 200, 'json'),
        (b'[]', 200, 'json'),
        (b'', 200, 'json'),
    ],
)
def test_what_is_no_server_is_left_alone(listed, answer, status, kind):
    response = get(listed, URL, answer, status=status, kind=kind)
    assert (response.status_int, response.body) == (status, answer)


def test_a_cell_that_is_away_costs_only_the_key(listed, monkeypatch):
    def away(*args, **kwargs):
        raise nova_exception.CellTimeout()

    monkeypatch.setattr(objects.InstanceList, 'get_by_filters', away)
    answer = {'servers': [{'id': fakes.SERVER}, {'id': UNSCHEDULED}]}
    response = get(listed, '/servers/detail', answer)
    assert response.json['servers'] == [
        {'id': fakes.SERVER},
        {'id': UNSCHEDULED, 'wrs-res:vcpus': [2, 4, 4]},
    ]


def test_an_api_database_that_is_away_costs_only_the_key(listed, monkeypatch):
    def away(*args, **kwargs):
        raise nova_exception.NovaException('away')

    monkeypatch.setattr(
        objects.InstanceMappingList, 'get_by_instance_uuids', away
    )
    answer = b'{"server":  {"id": "%s"}}' % fakes.SERVER.encode()
    assert get(listed, URL, answer).body == answer


def test_scheduled_between_two_looks(listed, monkeypatch):
    def gone(ctxt, uuid):
        raise nova_exception.BuildRequestNotFound(uuid=uuid)

    monkeypatch.setattr(objects.BuildRequest, 'get_by_instance_uuid', gone)
    answer = {'server': {'id': UNSCHEDULED}}
    assert get(listed, '/servers/' + UNSCHEDULED, answer).json == answer
