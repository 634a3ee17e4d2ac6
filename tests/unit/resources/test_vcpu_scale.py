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
"""In use, returnable and promised, by host and by NUMA node."""

from dataclasses import replace
import json
from typing import Any

from oslo_config import fixture
import pytest

from nova_ext import testing
from nova_ext.conf import CONF
from nova_ext.model.usage import PlacedCell
from nova_ext.resources.host import Host
from nova_ext.resources.host import HostCell
from nova_ext.resources.vcpu_scale import VcpuScale
from tests.unit import builtin


def written(plugin: VcpuScale) -> tuple[Any, ...]:
    found = plugin.write()
    return tuple(
        found['vcpu_scale_' + key]
        for key in ('free', 'used', 'returnable', 'promised')
    )


@pytest.fixture
def plugin() -> VcpuScale:
    found = VcpuScale()
    found.reset(testing.a_host())
    return found


def test_life() -> None:
    testing.check_resource(
        VcpuScale, testing.a_host(), [*builtin.SERVERS, builtin.SCALED]
    )


def test_counts(plugin: VcpuScale) -> None:
    assert written(plugin) == (16, 0, 0, 0)
    plugin.add_instance(builtin.SERVERS[0])
    assert written(plugin) == (12, 4, 3, 0)
    plugin.add_instance(builtin.SCALED)
    assert written(plugin) == (10, 6, 4, 1)
    # One that is pinned and not scalable, and one that is not pinned.
    plugin.add_instance(builtin.SERVERS[1])
    plugin.add_instance(builtin.SERVERS[2])
    assert written(plugin) == (8, 6, 4, 1)
    cells = json.loads(str(plugin.write()['vcpu_scale_cells']))
    assert cells == {
        '0': {'free': 2, 'used': 6, 'returnable': 4, 'promised': 1},
        '1': {'free': 6, 'used': 0, 'returnable': 0, 'promised': 0},
    }


def test_one_vcpu_of_each_cell_stays(plugin: VcpuScale) -> None:
    server = replace(
        testing.a_server(4, builtin.SPECS),
        cells=(PlacedCell(0, {0: 0, 1: 1}), PlacedCell(1, {2: 8, 3: 9})),
    )
    plugin.add_instance(server)
    cells = json.loads(str(plugin.write()['vcpu_scale_cells']))
    assert [cells[node]['returnable'] for node in '01'] == [1, 1]
    # Current minus minimum, as the whole host has it.
    assert written(plugin) == (12, 4, 3, 0)


def test_isolated_servers_take_whole_cores() -> None:
    siblings = (frozenset({0, 2}), frozenset({1, 3}))
    plugin = VcpuScale()
    plugin.reset(
        Host('h', (HostCell(0, frozenset(range(4)), siblings=siblings),))
    )
    plugin.add_instance(replace(testing.a_server(1), isolated=True))
    assert written(plugin)[0] == 2


def test_reserved_pcpus_are_not_free(plugin: VcpuScale) -> None:
    cell = PlacedCell(0, {0: 0}, frozenset({1}))
    plugin.add_instance(replace(testing.a_server(1), cells=(cell,)))
    assert written(plugin)[0] == 14


def test_a_node_that_is_not_reported(plugin: VcpuScale) -> None:
    server = testing.a_server(1, node=7)
    plugin.add_instance(server)
    plugin.remove_instance(server)
    assert written(plugin) == (16, 0, 0, 0)


@pytest.mark.parametrize(
    'percent, cores, refused',
    [(0, 16, False), (100, 3, False), (100, 4, True), (50, 4, True)],
)
def test_room_that_is_kept(percent: int, cores: int, refused: bool) -> None:
    plugin = VcpuScale()
    plugin.reset(testing.a_host(1, 5))
    plugin.add_instance(testing.a_server(2, builtin.SPECS, offline=[1]))
    with fixture.Config(CONF) as config:
        config.config(reserved_percent=percent, group='nova_ext_vcpu_scale')
        reason = plugin.test(testing.a_server(cores), {})
        assert plugin.test(testing.a_server(9, first_pcpu=None), {}) is None
    assert bool(reason) is refused
    if reason:
        assert reason == (
            'vcpu_scale: free 4 < requested 4, and 1 of 1 that scalable '
            'servers may take back are kept'
        )
