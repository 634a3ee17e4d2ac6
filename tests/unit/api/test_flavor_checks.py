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
"""Flavor checks at flavor edit, at create and at resize."""

import pathlib

from nova import exception as nova_exception
from nova import objects
from nova.image import glance
import pytest
import yaml

from tests.unit.api import fakes

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/api_flavor_checks.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))
SPECS = '/flavors/f1/os-extra_specs'
REQUIRE = {'hw_cpu_thread_policy': 'require'}
IMAGE = 'e9ff3b39-a4a2-4e3c-9a43-8a1ed9d0f5d2'
BAD = {'wrs:min_vcpus': '9', 'hw:cpu_policy': 'dedicated'}


@pytest.fixture
def flavors(cloud, monkeypatch):
    """Add flavor f1 and an image with properties to the cloud."""
    cloud.flavor = fakes.flavor()
    cloud.image = {'properties': {}}
    cloud.fetched = []

    def flavor(ctxt, flavor_id):
        if flavor_id != 'f1':
            raise nova_exception.FlavorNotFound(flavor_id=flavor_id)
        return cloud.flavor

    def image(self, ctxt, image_id):
        cloud.fetched.append(image_id)
        if isinstance(cloud.image, Exception):
            raise cloud.image
        return cloud.image

    monkeypatch.setattr(objects.Flavor, 'get_by_flavor_id', flavor)
    monkeypatch.setattr(glance.API, 'get', image)
    return cloud


def edits(case):
    """Yield each request that makes the edit."""
    if 'delete' in case:
        yield 'DELETE', '%s/%s' % (SPECS, case['delete']), None
        return
    yield 'POST', SPECS, {'extra_specs': case['set']}
    if len(case['set']) == 1:
        (key,) = case['set']
        yield 'PUT', '%s/%s' % (SPECS, key), case['set']


def admin(**kwargs):
    return fakes.user(admin=True, **kwargs)


def is_nova_s(response):
    return response.text == 'from nova'


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['name'])
def test_edit(flavors, case):
    flavors.flavor = fakes.flavor(case.get('vcpus', 4), case['has'])
    for method, path, body in edits(case):
        response = flavors.request(method, path, body, admin())
        if 'status' not in case:
            assert is_nova_s(response)
            continue
        assert case['text'] in fakes.fault(response)
        assert response.status_int == case['status']
    assert dict(flavors.flavor.extra_specs) == case['has']


def test_the_table_has_the_acceptance_cases():
    names = {case['name'][:2] for case in CASES}
    assert {'F1', 'F2', 'F3', 'F4', 'F5'} <= names


def test_refusal_has_the_microversion(flavors):
    response = flavors.request(
        'POST',
        SPECS,
        {'extra_specs': {'wrs:min_vcpus': '9'}},
        admin(),
        {'OpenStack-API-Version': 'compute 2.90'},
    )
    assert response.status_int == 409
    assert response.headers['OpenStack-API-Version'] == 'compute 2.90'


@pytest.mark.parametrize(
    'path, body, caller, version',
    [
        # Who may not edit flavors learns nothing about them.
        (SPECS, {'extra_specs': BAD}, fakes.user(), '2.1'),
        ('/flavors/f2/os-extra_specs', {'extra_specs': BAD}, admin(), '2.1'),
        (SPECS, {'extra_specs': BAD}, admin(), '2.9999'),
        (SPECS, {'extra_specs': BAD}, admin(), 'nonsense'),
        (SPECS, {'extra_specs': []}, admin(), '2.1'),
        (SPECS, {'extra_specs': {**BAD, 'a': None}}, admin(), '2.1'),
        (SPECS, BAD, admin(), '2.1'),
        (SPECS, [], admin(), '2.1'),
        (SPECS, b'{"extra_specs": ', admin(), '2.1'),
        (SPECS, b'', admin(), '2.1'),
    ],
)
def test_nova_refuses_what_is_not_well_formed(
    flavors, path, body, caller, version
):
    headers = {'OpenStack-API-Version': 'compute ' + version}
    response = flavors.request('POST', path, body, caller, headers)
    assert is_nova_s(response)
    assert len(flavors.nova.bodies) == 1


def test_put_of_another_key_than_the_path_is_nova_s_to_refuse(flavors):
    response = flavors.request('PUT', SPECS + '/other', BAD, admin())
    assert is_nova_s(response)


def create(flavors, flavor_ref='f1', **server):
    body = {'server': {'name': 's', 'flavorRef': flavor_ref, **server}}
    return flavors.request('POST', '/servers', body)


def test_create(flavors):
    assert is_nova_s(create(flavors, imageRef=IMAGE))
    assert b'"flavorRef"' in flavors.nova.bodies[0]


def test_create_with_a_flavor_that_cannot_work(flavors):
    flavors.flavor = fakes.flavor(2, BAD)
    response = create(flavors, imageRef=IMAGE)
    assert response.status_int == 409
    assert 'must be less than or equal to' in fakes.fault(response)
    by_url = create(flavors, 'http://nova/flavors/f1?x=1')
    assert by_url.status_int == 409


def test_create_with_an_image_that_contradicts_the_flavor(flavors):
    flavors.image = {'properties': REQUIRE}
    response = create(flavors, imageRef=IMAGE)
    assert response.status_int == 409
    assert 'hw_cpu_thread_policy' in fakes.fault(response)


def test_create_with_a_plain_flavor_asks_for_no_image(flavors):
    flavors.flavor = fakes.flavor(specs={})
    assert is_nova_s(create(flavors, imageRef=IMAGE))
    assert flavors.fetched == []


@pytest.mark.parametrize(
    'server',
    [
        {'flavor_ref': 'unknown'},
        {'flavor_ref': None},
        {'flavor_ref': ['f1']},
        {'imageRef': ''},
        {'imageRef': 7},
        {},
    ],
)
def test_create_that_nova_judges(flavors, server):
    assert is_nova_s(create(flavors, **server))


def test_create_with_an_image_that_cannot_be_had(flavors):
    flavors.image = nova_exception.ImageNotFound(image_id=IMAGE)
    assert is_nova_s(create(flavors, imageRef=IMAGE))


@pytest.mark.parametrize('body', [b'', b'[]', b'{"server": 1}', b'{"ser'])
def test_create_that_is_malformed(flavors, body):
    assert is_nova_s(flavors.request('POST', '/servers', body))
    assert flavors.nova.bodies == [body]


def resize(flavors, flavor_ref='f1', server=fakes.SERVER, ctxt=None):
    return flavors.request(
        'POST',
        '/servers/%s/action' % server,
        {'resize': {'flavorRef': flavor_ref}},
        ctxt,
    )


def test_resize(flavors):
    assert is_nova_s(resize(flavors))
    assert b'"resize"' in flavors.nova.bodies[0]


def test_resize_to_a_flavor_that_cannot_work(flavors):
    flavors.flavor = fakes.flavor(2, BAD)
    response = resize(flavors)
    assert response.status_int == 409
    assert 'must be less than or equal to' in fakes.fault(response)


def test_resize_of_a_server_whose_image_contradicts(flavors):
    flavors.server.system_metadata = {'image_hw_cpu_thread_policy': 'require'}
    response = resize(flavors)
    assert response.status_int == 409
    assert 'hw_cpu_thread_policy' in fakes.fault(response)


@pytest.mark.parametrize(
    'changes',
    [
        {'flavor_ref': 'f2'},
        {'server': fakes.UNKNOWN},
        {'ctxt': fakes.user(project=fakes.OTHER_PROJECT)},
    ],
)
def test_resize_that_nova_refuses(flavors, changes):
    flavors.flavor = fakes.flavor(2, BAD)
    assert is_nova_s(resize(flavors, **changes))


def test_resize_leaves_the_context_untargeted(flavors, monkeypatch):
    def get(self, ctxt, server_id, **kwargs):
        ctxt.cell_uuid = 'targeted'
        return flavors.server

    monkeypatch.setattr('nova.compute.api.API.get', get)
    ctxt = fakes.user()
    assert is_nova_s(resize(flavors, ctxt=ctxt))
    assert ctxt.cell_uuid is None
