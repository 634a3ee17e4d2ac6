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
"""What a request asks for, as plug-ins see it."""

from nova import objects
import pytest

from nova_ext.scheduler import demand
from tests.unit.scheduler import fakes


def topology(**cell):
    return objects.InstanceNUMATopology(
        cells=[
            objects.InstanceNUMACell(
                id=0,
                cpuset=set(),
                pcpuset={0, 1},
                memory=1,
                cpu_thread_policy=cell.get('policy'),
            )
        ]
    )


def test_a_plain_request():
    usage = demand.usage_of(fakes.spec())
    assert usage.flavor.vcpus == 2 and usage.extra_specs['cu:units'] == '2'
    assert (usage.dedicated, usage.realtime) == (frozenset(), frozenset())
    assert (usage.cores, usage.cells, usage.isolated) == (0, (), False)


def test_a_pinned_request():
    spec = fakes.spec(
        **{
            'hw:emulator_threads_policy': 'isolate',
            'hw:cpu_realtime': 'yes',
            'hw:cpu_realtime_mask': '^0',
        }
    )
    spec.numa_topology = topology(policy='isolate')
    usage = demand.usage_of(spec)
    assert usage.dedicated == {0, 1} and usage.realtime == {1}
    assert usage.isolated and usage.cores == 3 and usage.realtime_cores == 1


@pytest.mark.parametrize('mask', ['5', '0-1'])
def test_a_mask_that_nova_refuses(mask):
    spec = fakes.spec(
        **{'hw:cpu_realtime': 'yes', 'hw:cpu_realtime_mask': mask}
    )
    assert demand.usage_of(spec).realtime == frozenset()


def test_the_images_mask_counts():
    spec = fakes.spec(**{'hw:cpu_realtime': 'yes'})
    spec.image.properties.hw_cpu_realtime_mask = '0'
    assert demand.usage_of(spec).realtime == {0}


def test_a_request_without_an_image():
    """A server that boots from a volume may have none."""
    spec = fakes.spec(
        **{'hw:cpu_realtime': 'yes', 'hw:cpu_realtime_mask': '^0'}
    )
    spec.image = None
    assert demand.usage_of(spec).realtime == {1}
