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
"""What plug-ins see of a server."""

from types import SimpleNamespace
from typing import Any

import pytest

from nova_ext.model import usage
from nova_ext.model.bounds import Bounds
from nova_ext.model.usage import Flavor
from nova_ext.model.usage import Usage

SCALABLE = {'hw:cpu_policy': 'dedicated', 'wrs:min_vcpus': '2'}


def server(dedicated: int = 4, **more: Any) -> Usage:
    return Usage(
        'uuid',
        Flavor('f', 4, extra_specs=SCALABLE),
        frozenset(range(dedicated)),
        **more,
    )


def test_bounds_of_a_pinned_server() -> None:
    assert server().bounds == Bounds(2, 4)


def test_only_a_wholly_pinned_server_can_scale() -> None:
    assert server(dedicated=3).bounds == Bounds(4, 4)


def test_parked_vcpus_count_for_nothing() -> None:
    parked = server(
        offline=frozenset({1, 3}),
        realtime=frozenset({2, 3}),
        extra_cores=1,
    )
    assert (parked.current, parked.cores) == (2, 3)
    assert parked.realtime_cores == 1


def test_flavor_of_novas() -> None:
    flavor = SimpleNamespace(
        name='n',
        vcpus=2,
        memory_mb=3,
        root_gb=4,
        ephemeral_gb=5,
        swap=6,
        extra_specs={'a': 'b'},
    )
    assert Flavor.of(flavor) == Flavor('n', 2, 3, 4, 5, 6, {'a': 'b'})


def cell(pcpuset: set[int], policy: str | None = None) -> Any:
    return SimpleNamespace(pcpuset=pcpuset, cpu_thread_policy=policy)


def test_dedicated_vcpus_of_a_topology() -> None:
    topology = SimpleNamespace(cells=[cell({0, 1}), cell({3})])
    assert usage.dedicated_of(topology) == {0, 1, 3}
    assert usage.dedicated_of(None) == frozenset()


@pytest.mark.parametrize(
    'policy, isolated', [('isolate', True), ('prefer', False), (None, False)]
)
def test_isolated(policy: str | None, isolated: bool) -> None:
    topology = SimpleNamespace(cells=[cell({0}), cell({1}, policy)])
    assert usage.is_isolated(topology) is isolated
    assert usage.is_isolated(None) is False


def test_extra_cores() -> None:
    assert usage.extra_cores_of({'hw:emulator_threads_policy': 'isolate'}) == 1
    assert usage.extra_cores_of({'hw:emulator_threads_policy': 'share'}) == 0
    assert usage.extra_cores_of({}) == 0
