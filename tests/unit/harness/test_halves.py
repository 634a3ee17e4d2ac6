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
"""Two halves that differ are found."""

from typing import Any

import pytest

from nova_ext import testing
from nova_ext.consumers.compute_unit import ComputeUnit
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey
from nova_ext.resources import compute_unit
from nova_ext.resources import realtime_pcpu

SERVERS = [testing.a_server(extra_specs={'cu:units': '2'})]


class Double(ComputeUnit):
    def consume(self, state: Any, wanted: Any) -> Any:
        return super().consume(state, 2 * wanted)


class Counts(ComputeUnit):
    @classmethod
    def describe(cls) -> Description:
        return Description(
            'compute_unit',
            '1',
            (StatsKey('compute_unit_total'), StatsKey('compute_unit_used')),
        )


@pytest.mark.parametrize(
    'resource, consumer, says',
    [
        (compute_unit.ComputeUnit, Double, 'consume() gives (16, Decimal'),
        (compute_unit.ComputeUnit, Counts, 'as count, and ComputeUnit writes'),
        (
            realtime_pcpu.RealtimePcpu,
            ComputeUnit,
            'compute_unit_total, which RealtimePcpu does not write',
        ),
    ],
)
def test_a_difference_is_found(
    resource: Any, consumer: Any, says: str
) -> None:
    with pytest.raises(testing.PluginMistake) as raised:
        testing.check_halves(resource, consumer, testing.a_host(), SERVERS)
    assert says in str(raised.value)
