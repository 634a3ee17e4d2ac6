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
"""Whole hosts, and what every check must have."""

import pathlib

import pytest

from nova_ext.hostcheck import catalog
from nova_ext.hostcheck import findings
from tests.unit.hostcheck import fakes

HOSTS = fakes.TABLE['hosts']


@pytest.mark.parametrize('case', HOSTS, ids=lambda case: case['name'])
def test_a_whole_host(tmp_path: pathlib.Path, case: fakes.Case) -> None:
    found = catalog.run(fakes.make(tmp_path, case), ())
    results = {
        each.check.name: each.result.value
        for each in found
        if each.result is not findings.Result.PASSED
    }
    assert results == case['results']
    assert catalog.passes(found) == (case['status'] < 2)


@pytest.mark.parametrize('case', HOSTS, ids=lambda case: case['name'])
def test_a_host_passes_with_all_that_fails_accepted(
    tmp_path: pathlib.Path, case: fakes.Case
) -> None:
    found = catalog.run(fakes.make(tmp_path, case), list(case['results']))
    assert catalog.passes(found)
    assert not any(each.remarkable for each in found)


@pytest.mark.parametrize('garbage', ['', 'a b', '(null)', '-', '\0\n \n:=['])
def test_no_content_of_a_file_is_a_crash(
    tmp_path: pathlib.Path, garbage: str
) -> None:
    good = fakes.TABLE['good']['files']
    for name in good:
        seen = fakes.make(tmp_path, {'files': {name: garbage}})
        assert len(catalog.run(seen, ())) == len(catalog.CHECKS)


def test_names_are_unique() -> None:
    assert len(set(catalog.NAMES)) == len(catalog.NAMES)


@pytest.mark.parametrize('check', catalog.CHECKS, ids=lambda check: check.name)
def test_a_check_says_everything(check: findings.Check) -> None:
    for text in (check.wanted, check.why, check.fix):
        assert text.endswith('.')
        assert len(text) > 15


@pytest.mark.parametrize('name', catalog.NAMES)
def test_the_table_has_good_and_bad_cases(name: str) -> None:
    results = {
        case['result']
        for case in fakes.TABLE['checks']
        if case['check'] == name
    }
    assert 'passed' in results
    assert results & {'failed', 'warning'}
    assert 'unknown' in results
