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
"""Upstream's cases, and what upstream never had: order, errors, drift."""

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nova_ext import testing
from nova_ext.conf import CONF
from nova_ext.plugins.stats import Value
from nova_ext.resources import handler as handlers
from nova_ext.resources.compute_unit import ComputeUnit
from nova_ext.resources.handler import ResourceHandler
from nova_ext.resources.host import Host
from tests import distributions
from tests.unit.resources import fakes

HOST = Host('host', resources={'resB': 5})
FLAVOR1 = testing.a_server()
FLAVOR2 = testing.a_server(
    extra_specs={
        'resource:resA': '5',
        'resource:resB': '7',
        'resource:resC': '7',
    }
)


@pytest.fixture
def handler() -> ResourceHandler:
    found = ResourceHandler(fakes.loaded(fakes.ResourceA, fakes.ResourceB))
    found.reset(HOST)
    return found


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    yield
    CONF.clear_override('on_failing_test', group='nova_ext_plugins')


def used(handler: ResourceHandler) -> tuple[str, str]:
    written = handler.write()
    return written['used_resA'], written['used_resB']


def test_e1_add_with_extra_specs(handler: ResourceHandler) -> None:
    handler.add(FLAVOR2)
    assert used(handler) == ('5', '7')


def test_e2_add_without(handler: ResourceHandler) -> None:
    handler.add(FLAVOR1)
    assert used(handler) == ('0', '0')


def test_e3_write(handler: ResourceHandler) -> None:
    assert handler.write() == {
        'resA': '10',
        'used_resA': '0',
        'resB': '5',
        'used_resB': '0',
    }


@pytest.mark.parametrize(
    'server, limits, answers',
    [
        pytest.param(FLAVOR1, {}, [None, None], id='E4'),
        pytest.param(FLAVOR2, {'resource:resC': 20}, [None, None], id='E5'),
        pytest.param(
            FLAVOR2,
            {'resource:resA': 10, 'resource:resB': 20},
            [None, None],
            id='E6',
        ),
        pytest.param(
            FLAVOR2,
            {'resource:resA': 4, 'resource:resB': 20},
            ['Free 4 < requested 5 ', None],
            id='E7',
        ),
    ],
)
def test_e4_to_e7_test(
    handler: ResourceHandler,
    server: Any,
    limits: dict[str, int],
    answers: list[str | None],
) -> None:
    assert handler.test(server, limits) == answers


def test_e8_without_plugins() -> None:
    handler = ResourceHandler([])
    handler.reset(HOST)
    handler.add(FLAVOR2)
    handler.replace(FLAVOR2)
    handler.remove(FLAVOR2)
    handler.report_free()
    assert handler.test(FLAVOR2, {}) == []
    assert handler.write() == {}


def test_e9_load_by_name() -> None:
    with distributions.installed(distributions.nova_ext()):
        found = handlers.load(['compute_unit'])
    assert [each.name for each in found] == ['compute_unit']
    assert found[0].kind is ComputeUnit


def test_each_node_has_objects_of_its_own(handler: ResourceHandler) -> None:
    other = ResourceHandler(fakes.loaded(fakes.ResourceA, fakes.ResourceB))
    other.reset(HOST)
    handler.add(FLAVOR2)
    assert used(other) == ('0', '0')


def test_remove_takes_what_was_added(handler: ResourceHandler) -> None:
    """Nova may call with a server that has become another size."""
    handler.add(FLAVOR2)
    smaller = testing.a_server(extra_specs={'resource:resA': '1'})
    handler.remove(replace(smaller, uuid=FLAVOR2.uuid))
    assert used(handler) == ('0', '0')


def test_removing_twice_does_no_harm(handler: ResourceHandler) -> None:
    handler.add(FLAVOR2)
    handler.remove(FLAVOR2)
    handler.remove(FLAVOR2)
    assert used(handler) == ('0', '0')


def test_replace(handler: ResourceHandler) -> None:
    handler.add(FLAVOR2)
    bigger = testing.a_server(extra_specs={'resource:resA': '9'})
    handler.replace(replace(bigger, uuid=FLAVOR2.uuid))
    assert used(handler) == ('9', '0')
    handler.remove(FLAVOR2)
    assert used(handler) == ('0', '0')


def test_a_server_that_is_not_counted_is_not_replaced(
    handler: ResourceHandler,
) -> None:
    handler.replace(FLAVOR2)
    assert used(handler) == ('0', '0')


# -- errors of a plug-in ---------------------------------------------------


class Faulty(fakes.ResourceA):
    """Fails in the methods that a test names."""

    fails: frozenset[str] = frozenset()

    def _maybe(self, method: str) -> None:
        if method in self.fails:
            raise ValueError('%s is broken' % method)

    def reset(self, host: Host) -> None:
        self._maybe('reset')
        super().reset(host)

    def add_instance(self, usage: Any) -> None:
        self._maybe('add')
        super().add_instance(usage)

    def remove_instance(self, usage: Any) -> None:
        self._maybe('remove')
        super().remove_instance(usage)

    def test(self, usage: Any, limits: Mapping[str, Any]) -> str | None:
        self._maybe('test')
        return super().test(usage, limits)

    def write(self) -> Mapping[str, Value]:
        self._maybe('write')
        if 'keys' in self.fails:
            return {'foreign': 1, 'resA': -1, 'used_resA': self.used}
        return super().write()

    def report_free(self) -> str:
        self._maybe('report')
        return super().report_free()


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Faulty, 'fails', frozenset())
    found = ResourceHandler(fakes.loaded(Faulty, fakes.ResourceB))
    found.reset(HOST)

    def fail(*methods: str) -> None:
        monkeypatch.setattr(Faulty, 'fails', frozenset(methods))

    return found, fail


@pytest.mark.parametrize('method', ['add', 'remove', 'write', 'report'])
def test_an_error_is_logged_and_costs_only_its_plugin(
    faulty: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    handler, fail = faulty
    fail(method)
    handler.add(FLAVOR2)
    handler.remove(FLAVOR2)
    handler.add(FLAVOR2)
    handler.report_free()
    assert handler.write()['used_resB'] == '7'
    assert 'Resource plug-in resA failed in' in caplog.text
    fail()
    # The next audit repairs what drifted.
    handler.reset(HOST)
    handler.add(FLAVOR2)
    assert used(handler) == ('5', '7')


def test_a_failing_test_refuses(faulty: Any) -> None:
    handler, fail = faulty
    fail('test')
    assert handler.test(FLAVOR1, {}) == [
        'resource plug-in resA could not test it: ValueError: test is broken',
        None,
    ]
    CONF.set_override('on_failing_test', 'pass', group='nova_ext_plugins')
    assert handler.test(FLAVOR1, {}) == [None, None]


def test_a_failing_reset_takes_it_out_of_service(faulty: Any) -> None:
    handler, fail = faulty
    fail('reset')
    handler.reset(HOST)
    handler.add(FLAVOR2)
    assert handler.write() == {'resB': '5', 'used_resB': '7'}
    assert 'its last reset failed' in handler.test(FLAVOR1, {})[0]
    fail()
    handler.reset(HOST)
    assert 'resA' in handler.write()


def test_only_described_keys_of_their_kind_are_written(
    faulty: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler, fail = faulty
    fail('keys')
    written = handler.write()
    assert set(written) == {'used_resA', 'resB', 'used_resB'}
    assert 'the key foreign, which it does not own' in caplog.text
    assert 'resA is -1, not a whole number' in caplog.text
    caplog.clear()
    handler.write()
    assert caplog.text == ''


def test_a_flavor_that_is_wrong_is_refused_with_its_key() -> None:
    handler = ResourceHandler(fakes.loaded(ComputeUnit))
    handler.reset(testing.a_host())
    server = testing.a_server(extra_specs={'cu:units': 'many'})
    (reason,) = handler.test(server, {})
    assert reason is not None
    assert "compute_unit: the extra spec cu:units is 'many'" in reason
    # One that is there already counts for nothing, and harms nobody.
    handler.add(server)
    assert handler.write()['compute_unit_used'] == '0'


def test_nothing_is_said_before_the_first_audit() -> None:
    handler = ResourceHandler(fakes.loaded(fakes.ResourceA))
    assert handler.write() == {}
