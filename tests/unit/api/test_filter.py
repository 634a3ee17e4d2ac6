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
"""The filter as a whole: what is ours, what stays Nova's, and the faults."""

import pathlib

from nova import exception as nova_exception
import pytest
import webob
import yaml

from nova_ext import exception
from nova_ext.api import filter as api_filter
from tests.unit.api import fakes

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/api_faults.yaml'
SCALE_DOWN = {'wrs-res:scale': {'direction': 'down', 'resource': 'cpu'}}
TO_THREE = {'vcpu_scale': {'online': 3}}
URL = '/servers/%s' % fakes.SERVER
CALLERS = {
    None: lambda: fakes.user(),
    'other': lambda: fakes.user(project=fakes.OTHER_PROJECT),
    'reader': lambda: fakes.user(roles=['reader']),
    'nobody': lambda: fakes.user(roles=[]),
}
ERRORS = {
    'ComputeSilent': exception.ComputeSilent(server=fakes.SERVER),
    'ComputeFailed': exception.ComputeFailed(
        server=fakes.SERVER, reason='why'
    ),
}
WAYS = {
    'action': ('POST', '/servers/%s/action', SCALE_DOWN),
    'put': ('PUT', '/servers/%s/vcpu-scale', TO_THREE),
    'get': ('GET', '/servers/%s/vcpu-scale', None),
}


def fault_cases():
    for case in yaml.safe_load(VECTORS.read_text('utf-8')):
        for way in case['by']:
            name = '%s by %s' % (case['name'], way)
            yield pytest.param(case, way, id=name)


def arrange(cloud, case):
    for name, value in case.get('server', {}).items():
        setattr(cloud.server, name, value)
    cloud.up = case.get('up', True)
    if 'compute' in case:
        cloud.answer = {'error': case['compute']}
    if 'raises' in case:
        cloud.answer = ERRORS[case['raises']]
    if 'cell_down' in case:
        cloud.cell_error = nova_exception.NovaException(
            'Cell c1 is not responding'
        )


@pytest.mark.parametrize('case, way', fault_cases())
def test_fault(cloud, case, way):
    arrange(cloud, case)
    method, path, body = WAYS[way]
    path = path % case.get('id', fakes.SERVER) + case.get('query', '')
    caller = CALLERS[case.get('caller')]()
    response = cloud.request(method, path, case.get('body', body), caller)
    assert case['text'] in fakes.fault(response)
    assert response.status_int == case['status']
    asked_compute = 'compute' in case or 'raises' in case
    assert bool(cloud.calls) == asked_compute
    assert bool(cloud.actions) == asked_compute


def test_legacy_action(cloud):
    response = cloud.request('POST', URL + '/action', SCALE_DOWN)
    assert (response.status_int, response.body) == (202, b'')
    assert cloud.calls == [
        ('scale', {'direction': 'down', 'target': None, 'wait': True})
    ]
    assert cloud.actions == [(fakes.SERVER, 'scale')]
    assert cloud.nova.bodies == []


@pytest.mark.parametrize('version', ['2.1', '2.90'])
def test_microversion_is_answered_as_by_nova(cloud, version):
    response = cloud.request(
        'POST',
        URL + '/action',
        SCALE_DOWN,
        headers={'OpenStack-API-Version': 'compute ' + version},
    )
    assert response.status_int == 202
    assert response.headers['OpenStack-API-Version'] == 'compute ' + version
    assert 'OpenStack-API-Version' in response.headers.getall('Vary')


def test_microversion_that_nova_does_not_have(cloud):
    response = cloud.request(
        'GET',
        URL + '/vcpu-scale',
        headers={'OpenStack-API-Version': 'compute 2.9999'},
    )
    assert response.status_int == 406


def test_project_of_the_path_must_be_the_callers(cloud):
    path = '/%s%s/vcpu-scale'
    mine = cloud.request('GET', path % (fakes.PROJECT, URL))
    assert mine.status_int == 200
    other = cloud.request('GET', path % (fakes.OTHER_PROJECT, URL))
    assert other.status_int == 400
    assert 'Malformed request URL' in fakes.fault(other)


def test_other_content_type(cloud):
    request = webob.Request.blank(URL + '/vcpu-scale', method='PUT')
    request.environ['nova.context'] = fakes.user()
    request.body = b'<online>3</online>'
    request.content_type = 'text/xml'
    assert request.get_response(cloud.filter).status_int == 415


def test_broken_json(cloud):
    response = cloud.request('PUT', URL + '/vcpu-scale', b'{"vcpu_sc')
    assert response.status_int == 400
    assert fakes.fault(response) == 'Malformed request body'


@pytest.mark.parametrize(
    'body',
    [
        b'{"reboot": {"type": "HARD"}}',
        b'{"resize": "nonsense"}',
        b'{"wrs-res:scale": {}, "reboot": {}}',
        b'{"reboot": {"type": "wrs-res:scale"}}',
        b'["wrs-res:scale"]',
        b'{"wrs-res:scale": ',
        b'\xff wrs-res:scale',
        b'',
    ],
)
def test_every_other_action_reaches_nova_untouched(cloud, body):
    response = cloud.request('POST', URL + '/action', body)
    assert response.text == 'from nova'
    assert cloud.nova.bodies == [body]
    assert cloud.calls == []


@pytest.mark.parametrize('method', ['GET', 'PUT', 'POST', 'DELETE'])
def test_a_body_elsewhere_is_not_read(cloud, method):
    class Unreadable:
        def read(self, *args):
            raise AssertionError('the filter read the body')

    def nova(environ, start_response):
        assert isinstance(environ['wsgi.input'], Unreadable)
        return webob.Response('from nova')(environ, start_response)

    request = webob.Request.blank('/os-keypairs', method=method)
    request.environ['nova.context'] = fakes.user()
    request.environ['wsgi.input'] = Unreadable()
    request.environ['CONTENT_LENGTH'] = '10'
    response = request.get_response(api_filter.Filter(nova))
    assert response.text == 'from nova'


def test_without_a_token_all_is_nova_s(cloud):
    request = webob.Request.blank(URL + '/vcpu-scale')
    assert request.get_response(cloud.filter).text == 'from nova'


def test_without_the_header_the_answer_is_nova_s_own_object(cloud):
    given = [b'{"server": {"id": "%s"}}' % fakes.SERVER.encode()]

    def nova(environ, start_response):
        start_response('200 OK', [('Content-Type', 'application/json')])
        return given

    request = webob.Request.blank(URL)
    request.environ['nova.context'] = fakes.user()
    started = []
    answer = api_filter.Filter(nova)(
        request.environ, lambda *args: started.append(args)
    )
    assert answer is given
    assert started == [('200 OK', [('Content-Type', 'application/json')])]
