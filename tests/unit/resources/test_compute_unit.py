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
"""Compute units are exact, and differ by processor."""

from decimal import Decimal

from oslo_config import fixture

from nova_ext import testing
from nova_ext.conf import CONF
from nova_ext.resources.compute_unit import ComputeUnit
from tests.unit import builtin


def test_life() -> None:
    testing.check_resource(
        ComputeUnit, testing.a_host(), [*builtin.SERVERS, builtin.SCALED]
    )


def test_capacity() -> None:
    with fixture.Config(CONF) as config:
        config.config(
            units_per_pcpu='2.3',
            allocation_ratio='1.5',
            group='nova_ext_compute_unit',
        )
        plugin = ComputeUnit()
        plugin.reset(testing.a_host(cells=2, pcpus=5))
    assert plugin.write()['compute_unit_total'] == Decimal('34.5')


def test_tenths_add_up() -> None:
    plugin = ComputeUnit()
    plugin.reset(testing.a_host(1, 1))
    server = testing.a_server(extra_specs={'cu:units': '0.1'})
    for _ in range(10):
        assert plugin.test(server, {}) is None
        plugin.add_instance(server)
    assert plugin.write()['compute_unit_used'] == 1
    assert plugin.test(server, {}) == 'compute_unit: free 0.0 < requested 0.1'
