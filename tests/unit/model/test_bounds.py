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
"""Bounds of flavors: acceptance cases F1 to F5, in both spellings."""

import pathlib

import pytest
import yaml

from nova_ext import exception
from nova_ext.model import bounds

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/flavor_bounds.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))


def by_name(case):
    return case['name']


def flavor(case, key):
    """Return what ``check_flavor`` takes, of a case of the table."""
    specs = {key: case['min']}
    if case.get('policy', 'dedicated'):
        specs['hw:cpu_policy'] = case.get('policy', 'dedicated')
    if 'threads' in case:
        specs['hw:cpu_thread_policy'] = case['threads']
    image = {}
    if 'image' in case:
        image['hw_cpu_thread_policy'] = case['image']
    return specs, case.get('vcpus', 4), image


@pytest.mark.parametrize('key', bounds.MIN_VCPUS_KEYS)
@pytest.mark.parametrize('case', CASES['refused'], ids=by_name)
def test_a_flavor_that_cannot_work(case, key):
    specs, vcpus, image = flavor(case, key)
    with pytest.raises(exception.FlavorInvalid) as caught:
        bounds.check_flavor(specs, vcpus, image)
    assert str(caught.value) == case['said'].replace('KEY', key)
    assert caught.value.code == case['code']
    # Its servers run all the same, and do not scale.
    found = bounds.bounds_of(specs, vcpus, image)
    assert found == bounds.Bounds(vcpus, vcpus)
    assert not found.scalable


@pytest.mark.parametrize('key', bounds.MIN_VCPUS_KEYS)
@pytest.mark.parametrize('case', CASES['accepted'], ids=by_name)
def test_a_flavor_that_works(case, key):
    specs, vcpus, image = flavor(case, key)
    bounds.check_flavor(specs, vcpus, image)
    found = bounds.bounds_of(specs, vcpus)
    assert found == bounds.Bounds(*case['bounds'])
    assert found.scalable == (found.minimum < found.maximum)


@pytest.mark.parametrize('specs', [{}, {'hw:cpu_thread_policy': 'require'}])
def test_a_flavor_without_a_minimum_is_none_of_ours(specs):
    bounds.check_flavor(specs, 3)
    assert not bounds.wants_scaling(specs)
    assert bounds.bounds_of(specs, 3) == bounds.Bounds(3, 3)


def test_both_spellings_with_one_value_mean_the_same():
    specs = {'hw:cpu_policy': 'dedicated'}
    specs.update(dict.fromkeys(bounds.MIN_VCPUS_KEYS, '2'))
    bounds.check_flavor(specs, 4)
    assert bounds.bounds_of(specs, 4) == bounds.Bounds(2, 4)


def test_both_spellings_with_different_values_are_refused():
    specs = {
        'hw:cpu_policy': 'dedicated',
        'wrs:min_vcpus': '1',
        'hw:wrs:min_vcpus': '2',
    }
    with pytest.raises(exception.FlavorConflict) as caught:
        bounds.check_flavor(specs, 4)
    assert str(caught.value) == (
        'hw:wrs:min_vcpus=2 and wrs:min_vcpus=1 mean the same but have '
        'different values: keep one of them'
    )
    assert bounds.bounds_of(specs, 4) == bounds.Bounds(4, 4)


def test_both_ends_belong_to_the_bounds():
    limits = bounds.Bounds(2, 4)
    assert [count for count in range(7) if count in limits] == [2, 3, 4]
    assert 'two' not in limits


def test_image_properties_are_in_the_system_metadata():
    metadata = {'image_hw_cpu_thread_policy': 'require', 'nova_ext_last': '{}'}
    assert bounds.image_properties(metadata) == {
        'hw_cpu_thread_policy': 'require'
    }
