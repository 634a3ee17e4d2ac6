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
"""What scalable servers hold, could give back, and may still take."""

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
import json
from typing import Any

from nova_ext import conf
from nova_ext.model.usage import PlacedCell
from nova_ext.model.usage import Usage
from nova_ext.plugins import vcpu_scale as shared
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import Value
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host
from nova_ext.resources.host import HostCell

CONF = conf.CONF


@dataclass
class _Counts:
    """Of one NUMA node, in pCPUs; see the described keys."""

    free: int = 0
    used: int = 0
    returnable: int = 0
    promised: int = 0


class VcpuScale(Resource):
    """Counts dedicated pCPUs by host and by NUMA node."""

    def __init__(self) -> None:
        self._cells: dict[int, HostCell] = {}
        self._counts: dict[int, _Counts] = {}
        self._returnable = 0

    @classmethod
    def describe(cls) -> Description:
        """See the contract."""
        return shared.DESCRIPTION

    def reset(self, host: Host) -> None:
        """See the contract."""
        self._cells = {cell.node: cell for cell in host.cells}
        self._counts = {
            cell.node: _Counts(free=len(cell.dedicated)) for cell in host.cells
        }
        self._returnable = 0

    def add_instance(self, usage: Usage) -> None:
        """See the contract."""
        self._count(usage, 1)

    def remove_instance(self, usage: Usage) -> None:
        """See the contract."""
        self._count(usage, -1)

    def test(self, usage: Usage, limits: Mapping[str, Any]) -> str | None:
        """See the contract."""
        totals = self._totals()
        kept = shared.reserved(
            totals.promised, CONF.nova_ext_vcpu_scale.reserved_percent
        )
        if not kept or not usage.cores or usage.cores + kept <= totals.free:
            return None
        return (
            'vcpu_scale: free %d < requested %d, and %d of %d that scalable '
            'servers may take back are kept'
            % (totals.free, usage.cores, kept, totals.promised)
        )

    def write(self) -> Mapping[str, Value]:
        """See the contract."""
        cells = {node: asdict(each) for node, each in self._counts.items()}
        totals = self._totals()
        return {
            shared.FREE: totals.free,
            shared.USED: totals.used,
            shared.RETURNABLE: totals.returnable,
            shared.PROMISED: totals.promised,
            shared.CELLS: json.dumps(
                cells, sort_keys=True, separators=(',', ':')
            ),
        }

    def report_free(self) -> str:
        """See the contract."""
        totals = self._totals()
        return (
            'free %d, used by scalable servers %d, returnable %d, promised %d'
            % (
                totals.free,
                totals.used,
                totals.returnable,
                totals.promised,
            )
        )

    def _totals(self) -> _Counts:
        counts = self._counts.values()
        return _Counts(
            # Never below zero on a host with too few pCPUs for its servers.
            free=max(sum(each.free for each in counts), 0),
            used=sum(each.used for each in counts),
            returnable=self._returnable,
            promised=sum(each.promised for each in counts),
        )

    def _count(self, usage: Usage, sign: int) -> None:
        if not usage.cells:
            return
        bounds = usage.bounds
        returnable = usage.current - bounds.minimum
        for placed in usage.cells:
            # A NUMA node that the driver does not report any more.
            counts = self._counts.setdefault(placed.node, _Counts())
            taken = sign * self._taken(placed, usage.isolated)
            counts.free -= taken
            if bounds.scalable:
                online = len(placed.pins.keys() - usage.offline)
                counts.used += taken
                counts.promised += sign * (len(placed.pins) - online)
                # One vCPU of each cell stays.
                counts.returnable += sign * min(returnable, online - 1)
        if bounds.scalable:
            self._returnable += sign * returnable

    def _taken(self, placed: PlacedCell, isolated: bool) -> int:
        pcpus = frozenset(placed.pins.values()) | placed.reserved
        cell = self._cells.get(placed.node)
        if isolated and cell:
            pcpus = cell.with_siblings(pcpus)
        return len(pcpus)
