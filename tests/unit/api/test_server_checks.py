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
"""Flavor and image at create, at resize and at rebuild."""

from nova import exception as nova_exception
import pytest

from tests import realtime_rules
from tests.unit.api import fakes

REQUIRE = {'hw_cpu_thread_policy': 'require'}
IMAGE = 'e9ff3b39-a4a2-4e3c-9a43-8a1ed9d0f5d2'
BAD = {'wrs:min_vcpus': '9', 'hw:cpu_policy': 'dedicated'}
REALTIME = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}
REFUSED = realtime_rules.TABLES['refused']
WORKS = realtime_rules.TABLES['works']


def is_nova_s(response):
    return response.text == 'from nova'


def by_name(case):
    return case['name']


def arrange(cloud, case):
    """Give the cloud the flavor, the server and the image of a case."""
    cloud.flavor = fakes.flavor(
        realtime_rules.vcpus(case), realtime_rules.extra_specs(case)
    )
    cloud.image = {'properties': realtime_rules.properties(case)}
    cloud.server = fakes.server(
        flavor=cloud.flavor,
        system_metadata={
            'image_' + key: value
            for key, value in cloud.image['properties'].items()
        },
    )


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


def rebuild(flavors, server=fakes.SERVER, **rebuild):
    return flavors.request(
        'POST',
        '/servers/%s/action' % server,
        {'rebuild': {'imageRef': IMAGE, **rebuild}},
    )


@pytest.mark.parametrize('case', REFUSED, ids=by_name)
@pytest.mark.parametrize('ask', [create, resize, rebuild])
def test_real_time_that_cannot_work(flavors, ask, case):
    arrange(flavors, case)
    image = {'imageRef': IMAGE} if ask is create else {}
    response = ask(flavors, **image)
    assert response.status_int == 400
    assert case['key'] in fakes.fault(response)
    assert flavors.nova.bodies == []


@pytest.mark.parametrize('case', WORKS, ids=by_name)
@pytest.mark.parametrize('ask', [create, resize, rebuild])
def test_real_time_that_works(flavors, ask, case):
    arrange(flavors, case)
    image = {'imageRef': IMAGE} if ask is create else {}
    assert is_nova_s(ask(flavors, **image))


def test_an_image_that_cannot_be_had_is_nova_s_to_miss(flavors):
    """The flavor's mask may be missing because the image has one."""
    flavors.flavor = fakes.flavor(specs=REALTIME)
    flavors.image = nova_exception.ImageNotFound(image_id=IMAGE)
    assert is_nova_s(create(flavors, imageRef=IMAGE))
    flavors.server = fakes.server(flavor=flavors.flavor)
    assert is_nova_s(rebuild(flavors))
    assert is_nova_s(rebuild(flavors, imageRef=None))


def test_rebuild_of_a_plain_server_asks_for_no_image(flavors):
    flavors.server = fakes.server(flavor=fakes.flavor(specs={}))
    assert is_nova_s(rebuild(flavors))
    assert flavors.fetched == []
    assert is_nova_s(rebuild(flavors, server=fakes.UNKNOWN))


def test_rebuild_that_would_leave_no_ordinary_vcpu_online(flavors):
    """vCPU 1, the ordinary one of the new image, is parked."""
    specs = {**REALTIME, 'hw:cpu_realtime_mask': '^0', 'wrs:min_vcpus': '1'}
    flavors.server = fakes.server(
        flavor=fakes.flavor(2, specs),
        system_metadata={'nova_ext_offline': '0x2'},
    )
    flavors.image = {'properties': {'hw_cpu_realtime_mask': '^1'}}
    response = rebuild(flavors)
    assert response.status_int == 409
    assert fakes.fault(response) == (
        'hw_cpu_realtime_mask of the image leaves none of the online vCPUs '
        '(0) ordinary: scale the server up first'
    )
    flavors.image = {'properties': {}}
    assert is_nova_s(rebuild(flavors))
    flavors.server.system_metadata = {}
    flavors.server.numa_topology = fakes.topology({})
    flavors.image = {'properties': {'hw_cpu_realtime_mask': '^1'}}
    assert is_nova_s(rebuild(flavors))


def test_the_default_mask_is_in_the_flavor_before_nova_reads_it(
    flavors, config, added
):
    config(group='nova_ext_realtime', default_mask='^0')
    flavors.flavor = fakes.flavor(specs=REALTIME)
    for ask in (create, resize):
        assert is_nova_s(ask(flavors))
    assert added == [{'hw:cpu_realtime_mask': '^0'}] * 2


def test_a_default_mask_that_does_not_fit(flavors, config, added):
    config(group='nova_ext_realtime', default_mask='^0')
    flavors.flavor = fakes.flavor(1, REALTIME)
    response = create(flavors)
    assert response.status_int == 400
    assert 'hw:cpu_realtime_mask is ^0, which names' in fakes.fault(response)
    assert added == []
