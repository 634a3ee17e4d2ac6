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
"""Hosts are read, fitted, consumed and weighed, whatever they hold."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from oslo_config import fixture
import pytest

from nova_ext import testing
from nova_ext.conf import CONF
from nova_ext.consumers import handler as handlers
from nova_ext.consumers.compute_unit import ComputeUnit
from nova_ext.consumers.handler import ConsumerHandler
from nova_ext.consumers.realtime_pcpu import RealtimePcpu
from nova_ext.plugins.loading import Loaded
from tests import distributions

STATS = {
    'realtime_pcpu_limit': '4',
    'realtime_pcpu_used': '1',
    'compute_unit_total': '8',
    'compute_unit_used': '2.5',
}
HOST = SimpleNamespace(host='host1', nodename='node1')
OTHER = SimpleNamespace(host='host2', nodename='node2')


def handler_of(*kinds: Any) -> ConsumerHandler:
    return ConsumerHandler(
        [Loaded(each.describe().name, each, each.describe()) for each in kinds]
    )


@pytest.fixture
def handler() -> ConsumerHandler:
    return handler_of(RealtimePcpu, ComputeUnit)


@pytest.fixture
def config() -> Iterator[fixture.Config]:
    with fixture.Config(CONF) as found:
        yield found


def server_of(realtime: int, units: str) -> Any:
    return testing.a_server(
        max(realtime, 1), {'cu:units': units}, realtime=range(realtime)
    )


def request(handler: ConsumerHandler, realtime: int, units: str) -> Any:
    return handler.request(testing.a_request(server_of(realtime, units)))


def test_load_by_name() -> None:
    with distributions.installed(distributions.nova_ext()):
        found = handlers.load(['realtime_pcpu', 'compute_unit'])
    asked = request(found, 1, '2').asked
    kinds = [type(consumer) for _, consumer, _ in asked]
    assert kinds == [RealtimePcpu, ComputeUnit]
    assert found
    assert not handlers.load([])


def test_fits_until_it_is_consumed(handler: ConsumerHandler) -> None:
    states = handler.read(HOST, STATS)
    asked = request(handler, 3, '2')
    assert handler.refusal(HOST, states, asked) is None
    handler.consume(HOST, states, asked)
    assert handler.refusal(HOST, states, asked) == (
        'realtime_pcpu_limit - realtime_pcpu_used',
        0,
        3,
    )


def test_a_request_for_nothing_fits_anywhere(handler: ConsumerHandler) -> None:
    full = {**STATS, 'compute_unit_used': '99', 'realtime_pcpu_used': '99'}
    asked = request(handler, 0, '0')
    assert not asked.asked
    assert handler.refusal(HOST, handler.read(HOST, full), asked) is None


def test_an_invalid_flavor_fits_nowhere(handler: ConsumerHandler) -> None:
    asked = request(handler, 0, 'many')
    refused = handler.refusal(HOST, handler.read(HOST, STATS), asked)
    assert refused is not None
    assert (refused.key, refused.got) == ('cu:units', 'many')


@pytest.mark.parametrize(
    'damage, says',
    [
        ({'compute_unit_used': None}, "the key compute_unit_used is None"),
        ({'compute_unit_used': 'x'}, "the key compute_unit_used is 'x'"),
        ({'compute_unit_used': '-1'}, "the key compute_unit_used is '-1'"),
        ('compute_unit_used', 'the key compute_unit_used is missing'),
    ],
)
def test_bad_information(
    handler: ConsumerHandler,
    config: fixture.Config,
    caplog: pytest.LogCaptureFixture,
    damage: Any,
    says: str,
) -> None:
    bad: Any = dict(STATS)
    if isinstance(damage, str):
        del bad[damage]
    else:
        bad.update(damage)
    for _ in range(3):
        states = handler.read(HOST, bad)
    assert states[0] is not None and states[1] is None
    assert caplog.text.count('Host host1: consumer compute_unit') == 1
    assert says in caplog.text and 'it passes' in caplog.text
    # The consumer that can read still refuses.
    assert handler.refusal(HOST, states, request(handler, 9, '1'))
    assert handler.refusal(HOST, states, request(handler, 1, '9')) is None
    config.config(on_missing_information='refuse', group='nova_ext_plugins')
    refused = handler.refusal(HOST, states, request(handler, 1, '1'))
    assert refused is not None and refused.got == 'no information'
    assert handler.refusal(HOST, states, request(handler, 1, '0')) is None
    handler.consume(HOST, states, request(handler, 1, '1'))
    assert states[1] is None


def test_each_host_is_warned_about_again_after_it_was_well(
    handler: ConsumerHandler, caplog: pytest.LogCaptureFixture
) -> None:
    for found in ({}, STATS, {}):
        handler.read(HOST, found)
        handler.read(OTHER, {})
    assert caplog.text.count('Host host1:') == 2
    assert caplog.text.count('Host host2:') == 1


def test_weights_are_spread_and_multiplied(
    handler: ConsumerHandler, config: fixture.Config
) -> None:
    config.config(weight_multiplier=-2.0, group='nova_ext_compute_unit')
    hosts = [
        handler.read(
            HOST,
            {
                **STATS,
                'realtime_pcpu_used': realtime,
                'compute_unit_used': units,
            },
        )
        for realtime, units in (('0', '0'), ('4', '4'), ('2', '8'))
    ]
    assert handler.weigh(hosts) == [1.0 - 2.0, 0.0 - 1.0, 0.5]


def test_a_host_without_information_weighs_least(
    handler: ConsumerHandler, config: fixture.Config
) -> None:
    config.config(weight_multiplier=0.0, group='nova_ext_compute_unit')
    hosts = [
        handler.read(HOST, found)
        for found in ({**STATS, 'realtime_pcpu_used': '0'}, {}, STATS)
    ]
    assert handler.weigh(hosts) == [1.0, 0.0, 0.0]
    assert handler.weigh(hosts[1:2]) == [0.0]
    assert handler.weigh([]) == []


class Faulty(ComputeUnit):
    """Fails in the methods that a test names."""

    fails: frozenset[str] = frozenset()

    def wanted(self, usage: Any) -> Any:
        if 'wanted' in self.fails:
            raise OSError('wanted')
        return super().wanted(usage)

    def fits(self, state: Any, wanted: Any) -> Any:
        if 'fits' in self.fails:
            raise OSError('fits')
        return super().fits(state, wanted)

    def consume(self, state: Any, wanted: Any) -> Any:
        if 'consume' in self.fails:
            raise OSError('consume')
        return super().consume(state, wanted)

    def weigh(self, state: Any) -> float:
        if 'weigh' in self.fails:
            raise OSError('weigh')
        return super().weigh(state)


@pytest.mark.parametrize('method', ['wanted', 'fits', 'consume', 'weigh'])
def test_an_error_never_gets_out(
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Faulty, 'fails', frozenset([method]))
    handler = handler_of(RealtimePcpu, Faulty)
    states = handler.read(HOST, STATS)
    asked = request(handler, 1, '1')
    assert handler.refusal(HOST, states, asked) is None
    handler.consume(HOST, states, asked)
    other = handler.read(HOST, {**STATS, 'realtime_pcpu_used': '0'})
    assert handler.weigh([states, other])[1] == 1.0
    assert 'compute_unit' in caplog.text
    # The other consumer has seen the decision.
    assert handler.refusal(HOST, states, request(handler, 3, '0'))
