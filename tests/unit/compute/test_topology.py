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
"""Nova's instance as the model's plain data, and back."""

from nova import objects
import pytest

from nova_ext.compute import topology
from nova_ext.model.bounds import Bounds
from tests.unit.compute import fakes


def test_a_server_with_two_cells():
    instance = fakes.instance(
        fakes.cell({0: 0, 1: 1}, node=1), fakes.cell({2: 5, 3: 6}, node=0)
    )
    server = topology.server_of(instance)
    assert (server.uuid, server.name) == (fakes.UUID, 'instance-00000001')
    assert server.bounds == Bounds(1, 4)
    assert server.layout.pins == {0: 0, 1: 1, 2: 5, 3: 6}
    assert [cell.node for cell in server.layout.cells] == [1, 0]
    assert server.layout.offline == server.layout.realtime == frozenset()
    assert server.emulator_floats


def test_what_the_record_says_is_offline():
    instance = fakes.instance(
        fakes.cell({0: 10, 1: 10}), system_metadata={'nova_ext_offline': '0x2'}
    )
    assert topology.server_of(instance).layout.offline == {1}


def test_what_has_a_core_of_its_own_is_online_whatever_the_record_says():
    """Nova gave the flavor's cores anew: a resize, a cold migration."""
    instance = fakes.instance(
        fakes.cell({0: 10, 1: 11}), system_metadata={'nova_ext_offline': '0x2'}
    )
    assert topology.server_of(instance).layout.offline == frozenset()


@pytest.mark.parametrize(
    'changes',
    [
        {'cpuset': {0, 1}, 'pcpuset': set(), 'cpu_pinning': None},
        {'cpuset': {1}, 'pcpuset': {0}},
        {'cpu_pinning': None},
        {'cpu_pinning': {}},
    ],
)
def test_what_is_not_wholly_pinned_is_not_scalable(changes):
    instance = fakes.instance(fakes.cell({0: 10, 1: 11}, **changes))
    server = topology.server_of(instance)
    assert server.layout.cells == ()
    assert not server.bounds.scalable


def test_no_topology_at_all():
    server = topology.server_of(fakes.instance(numa_topology=None))
    assert server.layout.cells == ()
    assert server.bounds == Bounds(2, 2)


def test_real_time_vcpus_are_those_of_flavor_and_image():
    specs = {**fakes.SCALABLE, 'hw:cpu_realtime': 'yes'}
    instance = fakes.instance(
        fakes.cell({0: 10, 1: 11, 2: 12}),
        specs={**specs, 'hw:cpu_realtime_mask': '^0'},
    )
    assert topology.server_of(instance).layout.realtime == {1, 2}
    instance.system_metadata['image_hw_cpu_realtime_mask'] = '^0-1'
    assert topology.server_of(instance).layout.realtime == {2}


@pytest.mark.parametrize(
    ('policy', 'shared', 'floats'),
    [
        (None, '0-1', True),
        ('isolate', '0-1', False),
        ('share', '0-1', False),
        ('share', None, True),
    ],
)
def test_where_the_emulator_runs(config, policy, shared, floats):
    config(group='compute', cpu_shared_set=shared)
    specs = dict(fakes.SCALABLE)
    if policy:
        specs['hw:emulator_threads_policy'] = policy
    assert topology.emulator_floats(fakes.flavor(2, specs)) is floats


def test_pins_go_into_a_copy():
    before = fakes.instance(
        fakes.cell({0: 0, 1: 1}, node=0), fakes.cell({2: 5, 3: 6}, node=1)
    ).numa_topology
    layout = topology.layout_of(before).without(3).without(1)
    after = topology.with_layout(before, layout)
    assert [cell.cpu_pinning for cell in after.cells] == [
        {0: 0, 1: 0},
        {2: 5, 3: 5},
    ]
    assert [cell.cpu_pinning for cell in before.cells] == [
        {0: 0, 1: 1},
        {2: 5, 3: 6},
    ]
    assert [cell.memory for cell in after.cells] == [256, 256]
    assert after.instance_uuid == fakes.UUID
    # What Nova counts as owned.
    assert after.cpu_pinning == {0, 5}


def test_pins_of_another_shape_are_refused():
    instance = fakes.instance()
    other = topology.layout_of(
        fakes.instance(fakes.cell({0: 0}), fakes.cell({1: 1})).numa_topology
    )
    with pytest.raises(ValueError, match='shorter|longer'):
        topology.with_layout(instance.numa_topology, other)


def test_a_layout_survives_the_database():
    """As Nova keeps it: the numa_topology as JSON."""
    instance = fakes.instance()
    layout = topology.layout_of(instance.numa_topology).without(1)
    saved = topology.with_layout(instance.numa_topology, layout)._to_json()
    found = objects.InstanceNUMATopology.obj_from_db_obj(
        None, fakes.UUID, saved
    )
    assert topology.layout_of(found, layout.offline) == layout
