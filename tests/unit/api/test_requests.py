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
"""What is malformed reads as empty, and is left to Nova."""

from nova import objects
from nova.api.openstack import wsgi
import pytest

from nova_ext import exception
from nova_ext.api import requests
from tests.unit.api import fakes


def request(body=b'', version=None):
    found = wsgi.Request.blank('/servers', method='POST')
    found.environ['nova.context'] = fakes.user()
    found.body = body
    if version:
        found.headers['OpenStack-API-Version'] = 'compute ' + version
    return found


@pytest.mark.parametrize(
    'text, body, part',
    [
        (b'{"server": {"a": 1}}', {'server': {'a': 1}}, {'a': 1}),
        (b'{"server": 1}', {'server': 1}, {}),
        (b'[]', {}, {}),
        (b'{"ser', {}, {}),
        (b'', {}, {}),
    ],
)
def test_a_body(text, body, part):
    assert requests.body(request(text)) == body
    assert requests.part(request(text), 'server') == part


def test_a_flavor(flavors):
    assert requests.flavor(request(), 'f1') is flavors.flavor
    assert requests.flavor(request(), 'f2') is None


def refuse(code):
    error = exception.FlavorInvalid(reason='hw:cpu_policy is wrong')
    error.code = code
    raise error


@pytest.mark.parametrize('code', [400, 409])
def test_a_refusal_has_text_and_status(code):
    asked = request()
    asked.environ['REQUEST_METHOD'] = 'POST'
    found = asked.get_response(requests.refusal(asked, refuse, code))
    assert found.status_int == code
    assert 'hw:cpu_policy is wrong' in found.text


def test_no_refusal():
    assert requests.refusal(request(), objects.Flavor) is None


def test_a_microversion_that_nova_does_not_have_is_nova_s_to_refuse():
    assert requests.refusal(request(version='2.9999'), refuse, 400) is None
