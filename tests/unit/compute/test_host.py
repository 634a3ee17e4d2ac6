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
"""One instance's cores: what is powered, saved and counted, in order."""

import pytest

from nova_ext.compute import host
from nova_ext.compute import topology
from nova_ext.model.record import ScaleRecord
from tests.unit.compute import fakes

RECORD = ScaleRecord(frozenset({1}))


class World:
    """The tracker, the store and the power; ``did`` has what they did."""

    def __init__(self):
        self.did = []
        self.broken = False

    def free_pcpus(self, nodename, node, isolated):
        self.did.append(('free', nodename, node, isolated))
        return [20]

    def switch_cores(self, nodename, before, after, isolated, save):
        self.did.append(('lock', nodename, isolated))
        save()
        self.did.append('count')

    def take_core(self, nodename, before, vcpu, isolated, save):
        self.did.append(('lock', nodename, isolated))
        after = before.with_core(vcpu, 20)
        save(after)
        self.did.append('count')
        return after

    def keep(self, uuid, numa_topology, record):
        self.did.append(('keep', uuid, numa_topology.cpu_pinning, record))

    def switch(self, layout, record):
        self.did.append(('save', layout.pins, record))
        if self.broken:
            raise RuntimeError('no save')

    def up(self, pcpus):
        self.did.append(('up', pcpus))

    def down(self, pcpus):
        self.did.append(('down', pcpus))


@pytest.fixture
def world():
    return World()


def cores(world, **changes):
    instance = fakes.instance(fakes.cell({0: 10, 1: 11}, **changes))
    return (
        host.HostCores(world, world, world, instance),
        topology.layout_of(instance.numa_topology),
    )


def test_a_core_is_given_back(world):
    port, before = cores(world)
    after = before.without(1)
    port.switch(before, after, RECORD)
    assert world.did == [
        ('lock', fakes.NODE, False),
        ('up', frozenset()),
        ('save', {0: 10, 1: 10}, RECORD),
        ('down', {11}),
        'count',
    ]


def test_a_core_is_taken(world):
    port, layout = cores(world)
    before = layout.without(1)
    after = port.take(before, 1, RECORD)
    assert after.pins == {0: 10, 1: 20}
    assert world.did == [
        ('lock', fakes.NODE, False),
        ('up', {20}),
        ('save', {0: 10, 1: 20}, RECORD),
        ('down', frozenset()),
        'count',
    ]


def test_a_core_that_could_not_be_taken_loses_its_power(world):
    port, layout = cores(world)
    world.broken = True
    with pytest.raises(RuntimeError, match='no save'):
        port.take(layout.without(1), 1, RECORD)
    assert [did for did in world.did if did[0] in ('up', 'down')] == [
        ('up', {20}),
        ('down', {20}),
    ]
    assert 'count' not in world.did


def test_an_end_that_could_not_be_saved_is_kept(world):
    port, layout = cores(world)
    port.keep(RECORD, layout.without(1))
    assert world.did == [('keep', fakes.UUID, {10}, RECORD)]


@pytest.mark.parametrize(
    ('policy', 'isolated'), [(None, False), ('isolate', True)]
)
def test_siblings_count_where_they_are_the_servers(world, policy, isolated):
    port, _ = cores(world, cpu_thread_policy=policy)
    assert port.isolated is isolated
    assert port.free_pcpus(1) == [20]
    assert world.did == [('free', fakes.NODE, 1, isolated)]
