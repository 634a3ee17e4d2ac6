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
"""The harness finds the mistakes of consumers."""

from collections.abc import Mapping
from typing import Any

import pytest

from nova_ext import testing
from nova_ext.consumers.base import Consumer
from nova_ext.consumers.base import Refusal
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey
from nova_ext.plugins.stats import read_count

STATS = {'free': '3', 'other': '1'}
SERVERS = [testing.a_server(2), testing.a_server(4)]


class Good(Consumer[Any, Any]):
    @classmethod
    def describe(cls) -> Description:
        return Description('good', '1', (StatsKey('free'),))

    def read(self, stats: Mapping[str, str]) -> Any:
        return read_count(stats, 'free')

    def wanted(self, usage: Any) -> Any:
        return usage.flavor.vcpus

    def fits(self, state: Any, wanted: Any) -> Any:
        return Refusal('free', state, wanted) if wanted > state else None

    def consume(self, state: Any, wanted: Any) -> Any:
        return state - wanted


class Unknown(Good):
    def read(self, stats: Mapping[str, str]) -> Any:
        return read_count(stats, 'other')


class Careless(Good):
    def read(self, stats: Mapping[str, str]) -> Any:
        return int(stats['free'])


class Trusting(Good):
    def read(self, stats: Mapping[str, str]) -> Any:
        return stats.get('free', '0')

    def fits(self, state: Any, wanted: Any) -> Any:
        return None

    def consume(self, state: Any, wanted: Any) -> Any:
        return state


class Boolean(Good):
    def fits(self, state: Any, wanted: Any) -> Any:
        return False


class Forgets(Good):
    def consume(self, state: Any, wanted: Any) -> Any:
        return None


class Weight(Good):
    def weigh(self, state: Any) -> Any:
        return 'heavy'


def test_a_good_one_passes() -> None:
    testing.check_consumer(Good, STATS, SERVERS)


@pytest.mark.parametrize(
    'kind, says',
    [
        (Unknown, 'it reads the key other, which it does not describe'),
        (Careless, 'must raise InformationMissing, not KeyError'),
        (Careless, 'must raise InformationDamaged, not ValueError'),
        (Trusting, 'read() accepts stats without the key free'),
        (Trusting, 'read() accepts stats with text in the key free'),
        (Boolean, 'fits() must return None or a Refusal, not False'),
        (Forgets, 'consume() must return the new state'),
        (Weight, "weigh() must return a number, not 'heavy'"),
        (int, 'it is not a subclass of Consumer'),
    ],
)
def test_a_mistake_is_found(kind: Any, says: str) -> None:
    with pytest.raises(testing.PluginMistake) as raised:
        testing.check_consumer(kind, STATS, SERVERS)
    assert says in str(raised.value)
