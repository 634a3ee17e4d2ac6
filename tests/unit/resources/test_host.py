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
"""What a host has."""

from nova_ext.resources.host import Host
from nova_ext.resources.host import HostCell

CELL = HostCell(
    0,
    dedicated=frozenset({0, 1, 4, 5}),
    shared=frozenset({2}),
    siblings=(frozenset({0, 4}), frozenset({1, 5})),
)


def test_siblings() -> None:
    assert CELL.with_siblings(frozenset({4})) == {0, 4}
    assert HostCell(0).with_siblings(frozenset({4})) == {4}


def test_counts() -> None:
    host = Host('h', (CELL, HostCell(1, shared=frozenset({8, 9}))))
    assert host.dedicated == {0, 1, 4, 5}
    assert host.pcpu_count == 7


def test_without_a_numa_topology() -> None:
    assert Host('h', resources={'vcpus': 6}).pcpu_count == 6
    assert Host('h').pcpu_count == 0
