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
"""Keys are rendered and read by their kind, and nothing else passes."""

from decimal import Decimal
import pathlib
from typing import Any

import pytest
import yaml

from nova_ext import exception
from nova_ext.plugins import stats

TABLE = yaml.safe_load(
    (
        pathlib.Path(__file__).parents[2] / 'vectors/plugin_stats.yaml'
    ).read_text('utf-8')
)


def value_of(case: dict[str, Any]) -> Any:
    return Decimal(case['decimal']) if 'decimal' in case else case['value']


@pytest.mark.parametrize('case', TABLE['render'], ids=str)
def test_render(case: dict[str, Any]) -> None:
    key = stats.StatsKey('some_key', case['kind'])
    if 'error' in case:
        with pytest.raises(ValueError, match='some_key is .*' + case['error']):
            key.render(value_of(case))
    else:
        assert key.render(value_of(case)) == case['text']


@pytest.mark.parametrize('case', TABLE['read'], ids=str)
def test_read(case: dict[str, Any]) -> None:
    key = stats.StatsKey('some_key', case['kind'])
    found = {'some_key': case['text']}
    if 'damaged' in case:
        with pytest.raises(exception.InformationDamaged, match='some_key is'):
            key.read(found)
    else:
        assert key.read(found) == value_of(case)


@pytest.mark.parametrize('kind', stats.KINDS)
def test_missing(kind: str) -> None:
    with pytest.raises(exception.InformationMissing, match='some_key is miss'):
        stats.StatsKey('some_key', kind).read({})


def test_long_text_is_refused() -> None:
    with pytest.raises(ValueError, match='not text'):
        stats.StatsKey('k', stats.TEXT).render('x' * (stats.TEXT_LIMIT + 1))


@pytest.mark.parametrize(
    'name, kind, problem',
    [
        ('num_instances', stats.COUNT, "num_instances is one of Nova's own"),
        ('uptime', stats.TEXT, "the key uptime is one of Nova's own"),
        ('licences_used', 'size', "has the unknown kind 'size'"),
    ],
)
def test_a_key_that_no_plugin_may_describe(
    name: str, kind: str, problem: str
) -> None:
    assert problem in str(stats.key_problem(stats.StatsKey(name, kind)))


@pytest.mark.parametrize('kind', stats.KINDS)
def test_a_key_of_its_own(kind: str) -> None:
    assert stats.key_problem(stats.StatsKey('licences_used', kind)) is None
