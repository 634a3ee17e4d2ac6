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
"""One decision for the six keys: a table, and what holds for every mask."""

from collections.abc import Iterator
import itertools
import re
from typing import Any

import pytest

from nova_ext import cpuset
from nova_ext import exception
from nova_ext.model import realtime
from tests import realtime_rules

WORKS = realtime_rules.TABLES['works']
REFUSED = realtime_rules.TABLES['refused']
#: Of the exhaustive loop.
MOST = 6


def by_name(case: dict[str, Any]) -> str:
    return str(case['name'])


def request(case: dict[str, Any]) -> tuple[Any, ...]:
    return (
        realtime_rules.vcpus(case),
        realtime_rules.extra_specs(case),
        realtime_rules.properties(case),
    )


@pytest.mark.parametrize('case', WORKS, ids=by_name)
def test_what_works(case: dict[str, Any]) -> None:
    vcpus, specs, properties = request(case)
    found = realtime.decide(vcpus, specs, properties)
    everyone = list(range(vcpus))
    assert found.realtime == set(case['realtime'])
    assert found.dedicated == set(case.get('dedicated', everyone))
    assert found.pcpus == case.get('pcpus', vcpus)
    assert vcpus - len(found.dedicated) == case.get('vcpus_shared', 0)
    assert found.realtime <= found.dedicated
    assert found.emulator == (specs.get(realtime.EMULATOR) or None)
    assert found.realtime == realtime.realtime_vcpus(vcpus, specs, properties)
    realtime.check_flavor(vcpus, specs)


@pytest.mark.parametrize('case', REFUSED, ids=by_name)
def test_what_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(exception.FlavorInvalid) as caught:
        realtime.decide(*request(case))
    assert case['key'] in str(caught.value)
    assert caught.value.code == 400


@pytest.mark.parametrize('case', REFUSED, ids=by_name)
def test_what_is_refused_when_a_flavor_is_edited(case: dict[str, Any]) -> None:
    vcpus, specs, _ = request(case)
    if 'edit' not in case:
        realtime.check_flavor(vcpus, specs)
        return
    with pytest.raises(exception.FlavorInvalid) as caught:
        realtime.check_flavor(vcpus, specs)
    assert case['key'] in str(caught.value)


def test_the_table_has_all_keys_and_traps() -> None:
    named = ' '.join(case['key'] for case in REFUSED)
    for key in (
        realtime.REALTIME,
        realtime.MASK,
        realtime.IMAGE_MASK,
        realtime.EMULATOR,
        realtime.POLICY,
        realtime.IMAGE_POLICY,
        realtime.DEDICATED_MASK,
    ):
        assert key in named
    said = {case['nova'] for case in REFUSED}
    assert {500, 'accepts', 'RealtimeMaskNotFoundOrInvalid'} <= said


@pytest.mark.parametrize(
    ('specs', 'concerned'),
    [
        ({}, False),
        ({'hw:cpu_policy': 'dedicated'}, False),
        ({'hw:cpu_realtime': 'no', 'hw:cpu_realtime_mask': '^0'}, False),
        ({'hw:cpu_realtime': 'yes'}, True),
        ({'hw:cpu_policy': 'mixed'}, True),
        ({'hw:emulator_threads_policy': 'share'}, True),
        ({'hw:cpu_dedicated_mask': '3'}, True),
    ],
)
def test_which_flavors_are_looked_at(
    specs: dict[str, str], concerned: bool
) -> None:
    assert realtime.is_concerned(specs) is concerned


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        (
            {'hw:cpu_realtime': 'tru'},
            "hw:cpu_realtime must be true or false, n",
        ),
        ({'hw:cpu_realtime': '2'}, "not '2'"),
        (
            {'hw:emulator_thread_policy': 'isolate'},
            'is no key of Nova: it is spelt hw:emulator_threads_policy',
        ),
    ],
)
def test_what_nova_would_ignore(given: dict[str, str], said: str) -> None:
    with pytest.raises(exception.FlavorInvalid, match=re.escape(said)):
        realtime.check_given(given)


@pytest.mark.parametrize('word', ['yes', 'True', 'on', '1', 'no', 'f', '0'])
def test_what_nova_understands(word: str) -> None:
    realtime.check_given({'hw:cpu_realtime': word, 'hw:cpu_policy': 'any'})
    realtime.check_given({})


def decided(vcpus: int, mask: str, **keys: str) -> frozenset[int]:
    specs = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}
    specs |= {'hw:' + key: value for key, value in keys.items()}
    return realtime.decide(
        vcpus, {**specs, 'hw:cpu_realtime_mask': mask}, {}
    ).realtime


def subsets(vcpus: int) -> Iterator[tuple[int, ...]]:
    """Every set of vCPUs that is neither empty nor all."""
    for size in range(1, vcpus):
        yield from itertools.combinations(range(vcpus), size)


@pytest.mark.parametrize('vcpus', range(1, MOST + 1))
def test_every_mask(vcpus: int) -> None:
    """Each way to write each set of vCPUs means that set."""
    everyone = set(range(vcpus))
    full = '0-%d' % (vcpus - 1)
    for chosen in subsets(vcpus):
        left = everyone - set(chosen)
        exclusions = ['^%d' % each for each in sorted(left)]
        spellings = {
            cpuset.render(chosen),
            ','.join(map(str, reversed(chosen))),
            '^' + ',^'.join(cpuset.render(left).split(',')),
        }
        for order in itertools.permutations(exclusions):
            # The first item decides whether the rest is taken from all.
            spellings.add(','.join(order))
            spellings.add(','.join((full, *order)))
            spellings.add(','.join((*order, full)))
        for mask in spellings:
            assert decided(vcpus, mask) == set(chosen), mask
            assert set(chosen) < everyone
        bare = ','.join(exclusions)
        assert decided(vcpus, bare) == decided(vcpus, full + ',' + bare)


@pytest.mark.parametrize('vcpus', range(1, MOST + 1))
def test_every_mask_of_all_or_none(vcpus: int) -> None:
    full = '0-%d' % (vcpus - 1)
    with pytest.raises(exception.FlavorInvalid, match='makes all vCPUs'):
        decided(vcpus, full)
    isolated = decided(vcpus, full, emulator_threads_policy='isolate')
    assert isolated == set(range(vcpus))
    for none in ('^' + full, '%s,^%s' % (full, full), '^%s,%s' % (full, full)):
        with pytest.raises(exception.FlavorInvalid, match='names none of'):
            decided(vcpus, none, emulator_threads_policy='isolate')
    with pytest.raises(
        exception.FlavorInvalid, match='which names %d' % vcpus
    ):
        decided(vcpus, '0-%d' % vcpus)


@pytest.mark.parametrize(
    ('mask', 'emulator', 'offline', 'refused'),
    [
        ('^0', None, {1}, False),
        ('^1', None, {1}, True),
        ('^1', None, {0}, False),
        ('^1', None, set(), False),
        ('^1', 'isolate', {1}, False),
    ],
)
def test_an_ordinary_vcpu_stays_online(
    mask: str, emulator: str | None, offline: set[int], refused: bool
) -> None:
    specs = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}
    if emulator:
        specs['hw:emulator_threads_policy'] = emulator
    decision = realtime.decide(2, specs, {'hw_cpu_realtime_mask': mask})
    if not refused:
        realtime.check_parked(decision, frozenset(offline))
        return
    with pytest.raises(exception.FlavorConflict, match='hw_cpu_realtime_mask'):
        realtime.check_parked(decision, frozenset(offline))
    not_realtime = realtime.decide(2, {'hw:cpu_policy': 'dedicated'}, {})
    realtime.check_parked(not_realtime, frozenset(offline))
