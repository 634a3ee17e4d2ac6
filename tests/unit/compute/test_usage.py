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
"""A server's usage is what its pins say, with what the record says."""

from nova import objects
import pytest

from nova_ext.compute import usage
from tests.unit.compute import fakes

RT = {'hw:cpu_realtime': 'yes', 'hw:cpu_realtime_mask': '^0'}


def usage_of(instance):
    return usage.usage_of(instance, instance.flavor, instance.numa_topology)


def scaled(mask, *cells, specs=None):
    return fakes.instance(
        *cells,
        specs=specs,
        system_metadata={'nova_ext_offline': mask} if mask else {},
    )


def test_a_pinned_server():
    found = usage_of(fakes.instance(fakes.cell({0: 10, 1: 11}, node=1)))
    assert found.uuid == fakes.UUID
    assert found.dedicated == {0, 1} and found.offline == frozenset()
    (cell,) = found.cells
    assert (cell.node, cell.pins, cell.reserved) == (
        1,
        {0: 10, 1: 11},
        frozenset(),
    )


def test_pins_are_a_copy():
    instance = fakes.instance()
    found = usage_of(instance)
    instance.numa_topology.cells[0].cpu_pinning = {0: 20, 1: 21}
    assert found.cells[0].pins == {0: 10, 1: 11}


@pytest.mark.parametrize(
    'mask, pins, specs, offline',
    [
        # The record and the pins agree.
        ('0x4', {0: 10, 1: 11, 2: 10}, None, {2}),
        ('0x1', {0: 11, 1: 11, 2: 12}, None, {0}),
        # The record is of another place: nothing is parked here.
        ('0x4', {0: 10, 1: 11, 2: 12}, None, set()),
        # The record was not saved: all but one are parked.
        (None, {0: 10, 1: 11, 2: 10}, None, {2}),
        (None, {0: 10, 1: 10, 2: 12}, RT, {1}),
        ('0x7', {0: 10, 1: 10, 2: 12}, None, {1}),
    ],
)
def test_parked_vcpus(mask, pins, specs, offline):
    found = usage_of(scaled(mask, fakes.cell(pins), specs=specs))
    assert found.offline == offline


def test_the_parking_vcpu_is_rather_ordinary():
    specs = {'hw:cpu_realtime': 'yes', 'hw:cpu_realtime_mask': '0'}
    found = usage_of(scaled(None, fakes.cell({0: 10, 1: 10}), specs=specs))
    assert (found.offline, found.realtime) == ({0}, {0})
    assert found.realtime_cores == 0


def test_the_images_mask_counts():
    instance = fakes.instance(
        specs=RT, system_metadata={'image_hw_cpu_realtime_mask': '0'}
    )
    assert usage_of(instance).realtime == {0}


def test_a_mask_that_nova_refuses():
    specs = {'hw:cpu_realtime': 'yes', 'hw:cpu_realtime_mask': '9'}
    assert usage_of(fakes.instance(specs=specs)).realtime == frozenset()


def test_emulator_threads():
    instance = fakes.instance(
        fakes.cell({0: 10, 1: 11}, cpuset_reserved={12}),
        specs={'hw:emulator_threads_policy': 'isolate'},
    )
    found = usage_of(instance)
    assert (found.extra_cores, found.cores) == (1, 3)
    assert found.cells[0].reserved == {12}


def test_isolated():
    cell = fakes.cell({0: 10}, cpu_thread_policy='isolate')
    assert usage_of(fakes.instance(cell)).isolated


def test_a_server_that_is_not_pinned():
    instance = fakes.instance(numa_topology=None)
    found = usage_of(instance)
    assert (found.dedicated, found.cells) == (frozenset(), ())


def test_a_request_has_no_place():
    instance = scaled('0x2', fakes.cell({0: 10, 1: 10}))
    found = usage.request_of(instance, instance.flavor, instance.numa_topology)
    assert (found.cells, found.offline) == ((), frozenset())
    assert found.dedicated == {0, 1}


def test_a_host():
    node = objects.ComputeNode(
        hypervisor_hostname='n',
        numa_topology=objects.NUMATopology(
            cells=[
                objects.NUMACell(
                    id=3,
                    cpuset={1},
                    pcpuset={2, 3},
                    memory=1,
                    cpu_usage=0,
                    memory_usage=0,
                    pinned_cpus=set(),
                    siblings=[{2, 3}],
                    mempages=[],
                    network_metadata=objects.NetworkMetadata(
                        physnets=set(), tunneled=False
                    ),
                )
            ]
        )._to_json(),
    )
    host = usage.host_of(node, {'vcpus': 1})
    (cell,) = host.cells
    assert (host.name, cell.node, host.resources) == ('n', 3, {'vcpus': 1})
    assert (cell.dedicated, cell.shared) == ({2, 3}, {1})
    assert cell.siblings == (frozenset({2, 3}),)


def test_a_host_without_a_numa_topology():
    node = objects.ComputeNode(hypervisor_hostname='n', numa_topology=None)
    assert usage.host_of(node, {}).cells == ()
