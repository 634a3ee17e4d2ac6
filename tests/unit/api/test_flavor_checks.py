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
"""Flavor checks at flavor edit."""

import pathlib

import pytest
import yaml

from tests.unit.api import fakes

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/api_flavor_checks.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))
SPECS = '/flavors/f1/os-extra_specs'
BAD = {'wrs:min_vcpus': '9', 'hw:cpu_policy': 'dedicated'}


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


REALTIME = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}


def test_what_is_only_missing_is_for_the_create_to_find(flavors):
    flavors.flavor = fakes.flavor(specs={})
    for specs in (REALTIME, {'hw:cpu_policy': 'mixed'}):
        response = flavors.request(
            'POST', SPECS, {'extra_specs': specs}, admin()
        )
        assert is_nova_s(response)


def test_a_broken_flavor_can_be_mended_step_by_step(flavors):
    """Two keys are wrong; neither hinders the removal of the other."""
    flavors.flavor = fakes.flavor(
        specs={
            **REALTIME,
            'hw:cpu_realtime_mask': '3-1',
            'hw:emulator_threads_policy': 'isolated',
        }
    )
    for key in ('hw:cpu_realtime_mask', 'hw:emulator_threads_policy'):
        response = flavors.request(
            'DELETE', '%s/%s' % (SPECS, key), None, admin()
        )
        assert is_nova_s(response)
    other = {'extra_specs': {'quota:cpu_shares': '10'}}
    assert is_nova_s(flavors.request('POST', SPECS, other, admin()))
    again = {'extra_specs': {'hw:cpu_realtime_mask': '^0'}}
    response = flavors.request('POST', SPECS, again, admin())
    assert response.status_int == 400
    assert 'hw:emulator_threads_policy must be' in fakes.fault(response)
