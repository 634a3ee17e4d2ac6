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
"""What the driver reports of a host: all that a plug-in's reset sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any


@dataclass(frozen=True)
class HostCell:
    """One NUMA node of the host.

    :ivar dedicated: pCPUs for dedicated vCPUs.
    :ivar shared: pCPUs for all other vCPUs.
    :ivar siblings: the hardware threads of each core; empty without
        hyperthreading.
    """

    node: int
    dedicated: frozenset[int] = frozenset()
    shared: frozenset[int] = frozenset()
    siblings: tuple[frozenset[int], ...] = ()

    def with_siblings(self, pcpus: frozenset[int]) -> frozenset[int]:
        """Return pCPUs with all hardware threads of their cores."""
        return pcpus.union(
            *(threads for threads in self.siblings if threads & pcpus)
        )


@dataclass(frozen=True)
class Host:
    """A compute node at the start of an audit.

    :ivar resources: what the driver reports
        (``ComputeDriver.get_available_resource``): ``vcpus``, ``memory_mb``,
        ``local_gb`` and more.
    :ivar cells: empty if the driver reports no NUMA topology.
    """

    name: str
    cells: tuple[HostCell, ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dedicated(self) -> frozenset[int]:
        """All pCPUs for dedicated vCPUs."""
        return frozenset().union(*(cell.dedicated for cell in self.cells))

    @property
    def pcpu_count(self) -> int:
        """How many pCPUs servers may use, dedicated or shared."""
        if not self.cells:
            return int(self.resources.get('vcpus', 0))
        return sum(len(cell.dedicated | cell.shared) for cell in self.cells)
