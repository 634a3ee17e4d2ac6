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
"""Names become plug-ins by the operator's rules."""

from collections.abc import Iterator
from typing import Any

import pytest

from nova_ext import exception
from nova_ext.conf import CONF
from nova_ext.plugins import catalog
from nova_ext.plugins import loading
from nova_ext.plugins.base import Plugin
from tests import distributions

HERE = 'tests.unit.plugins.fakes:'
NAMES = ['good', 'other', 'thief', 'broken', 'misnamed', 'reserved']


def points(**targets: str) -> distributions.EntryPoints:
    return {catalog.RESOURCES: targets}


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    targets = {name: HERE + name.capitalize() for name in NAMES}
    targets['function'] = HERE + 'not_a_class'
    targets['absent'] = 'no_such_module:X'
    with distributions.installed(('fakes', '1.0', points(**targets))):
        yield
    CONF.clear_override('on_unusable', group='nova_ext_plugins')
    CONF.clear_override('on_conflict', group='nova_ext_plugins')


def load(*names: str) -> list[str]:
    base: Any = Plugin
    found = loading.load(catalog.RESOURCES, names, base)
    return [each.name for each in found]


def strict() -> None:
    CONF.set_override('on_unusable', 'refuse', group='nova_ext_plugins')


def test_the_order_is_the_options() -> None:
    assert load('other', 'good') == ['other', 'good']
    assert load('good', 'other') == ['good', 'other']


def test_a_name_given_twice_loads_once() -> None:
    assert load('good', 'good', '') == ['good']


def test_nothing_is_looked_for_without_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalog, 'installed', lambda namespace: 1 / 0)
    assert load() == []


def test_options_are_registered_first() -> None:
    load('good')
    assert CONF.fake_good.size == 3


@pytest.mark.parametrize(
    'name, error, says',
    [
        ('goood', exception.PluginUnknown, 'names the plug-in goood'),
        ('absent', exception.PluginBroken, 'No module named'),
        ('broken', exception.PluginBroken, 'OSError: no such device'),
        ('misnamed', exception.PluginBroken, 'describes itself as someone'),
        ('reserved', exception.PluginBroken, 'the key num_instances'),
        ('function', exception.PluginBroken, 'not a subclass of'),
    ],
)
def test_unusable(
    name: str, error: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(name, 'good') == ['good']
    assert says in caplog.text and 'It is left out.' in caplog.text
    strict()
    with pytest.raises(error, match=says):
        load(name, 'good')


def test_an_unknown_name_is_told_what_is_there() -> None:
    strict()
    with pytest.raises(exception.PluginUnknown, match='good, other, thief'):
        load('goood')


def test_a_key_has_one_owner() -> None:
    with pytest.raises(
        exception.PluginBroken, match='owns the stats key good_used, and so'
    ):
        load('good', 'thief')


def test_two_distributions_of_one_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not adjacent either, which hides them from stevedore."""
    second = points(other=HERE + 'Other', good=HERE + 'Second')
    with distributions.installed(('second', '2.0', second)):
        with pytest.raises(exception.PluginConflict) as raised:
            load('good')
        assert 'second 2.0 (%sSecond)' % HERE in str(raised.value)
        assert 'fakes 1.0 (%sGood)' % HERE in str(raised.value)
        CONF.set_override('on_conflict', 'first', group='nova_ext_plugins')
        base: Any = Plugin
        (found,) = loading.load(catalog.RESOURCES, ['good'], base)
    assert found.kind.__name__ == 'Second'
    assert 'The first is used.' in caplog.text


def test_the_same_target_twice_is_no_conflict() -> None:
    again = points(good=HERE + 'Good')
    with distributions.installed(('again', '2.0', again)):
        assert load('good') == ['good']
