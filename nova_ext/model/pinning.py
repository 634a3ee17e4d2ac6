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
"""Which pCPU each vCPU is pinned to, and where parked vCPUs go.

Pure rules on plain data; ``nova_ext.compute.topology`` translates them from
and to Nova's ``InstanceNUMATopology``.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

from nova_ext import exception
from nova_ext.model.bounds import Bounds


@dataclass(frozen=True)
class Cell:
    """One NUMA cell of the guest.

    :ivar node: the host's NUMA node that it lies on.
    :ivar pins: the pCPU of each of its vCPUs, parked ones included.
    """

    node: int
    pins: Mapping[int, int]

    def parking_vcpu(
        self, online: frozenset[int], realtime: frozenset[int]
    ) -> int:
        """Return the vCPU whose pCPU takes the parked ones of this cell."""
        return keeper(online & self.pins.keys(), realtime)


@dataclass(frozen=True)
class Layout:
    """A server's vCPUs: their pins, and which of them are offline.

    Two vCPUs on one pCPU are counted once by Nova
    (``nova.virt.hardware.numa_usage_from_instance_numa``), which is what
    frees the core of a parked one.
    """

    cells: tuple[Cell, ...]
    offline: frozenset[int] = frozenset()
    realtime: frozenset[int] = frozenset()

    @property
    def pins(self) -> dict[int, int]:
        """The pCPU of every vCPU."""
        return {
            vcpu: pcpu
            for cell in self.cells
            for vcpu, pcpu in cell.pins.items()
        }

    @property
    def vcpus(self) -> frozenset[int]:
        """All vCPUs of the flavor."""
        return frozenset(self.pins)

    @property
    def online(self) -> frozenset[int]:
        """The vCPUs that the guest may use."""
        return self.vcpus - self.offline

    @property
    def pcpus(self) -> frozenset[int]:
        """The pCPUs that the server owns."""
        return frozenset(self.pins.values())

    def cell_of(self, vcpu: int) -> Cell:
        """Return the guest cell that a vCPU lies in."""
        return next(cell for cell in self.cells if vcpu in cell.pins)

    def without(self, *vcpus: int) -> 'Layout':
        """Return the layout after vCPUs went offline and were parked."""
        return self._settled(self.pins, self.offline | set(vcpus))

    def with_core(self, vcpu: int, pcpu: int) -> 'Layout':
        """Return the layout after an offline vCPU took a pCPU."""
        return self._settled({**self.pins, vcpu: pcpu}, self.offline - {vcpu})

    def settled(self) -> 'Layout':
        """Return the layout with every offline vCPU on its parking pCPU.

        Of online vCPUs that share a pCPU all but one are taken for parked:
        the pins count, and the record that would explain them was not saved.
        """
        return self._settled(self.pins, self.offline | self._sharing())

    def _sharing(self) -> frozenset[int]:
        sharing: set[int] = set()
        for cell in self.cells:
            for pcpu in set(cell.pins.values()):
                here = {v for v in self.online if cell.pins.get(v) == pcpu}
                if here:
                    sharing |= here - {keeper(here, self.realtime)}
        return frozenset(sharing)

    def _settled(
        self, pins: Mapping[int, int], offline: frozenset[int]
    ) -> 'Layout':
        online = self.vcpus - offline
        return Layout(
            tuple(
                self._park(cell, pins, online, offline) for cell in self.cells
            ),
            offline,
            self.realtime,
        )

    def _park(
        self,
        cell: Cell,
        pins: Mapping[int, int],
        online: frozenset[int],
        offline: frozenset[int],
    ) -> Cell:
        parking = pins[cell.parking_vcpu(online, self.realtime)]
        return Cell(
            cell.node,
            {
                vcpu: parking if vcpu in offline else pins[vcpu]
                for vcpu in cell.pins
            },
        )


def keeper(vcpus: frozenset[int] | set[int], realtime: frozenset[int]) -> int:
    """Return which of some vCPUs, at least one, has the pCPU of all of them.

    The lowest ordinary one, else the lowest: a parked thread that runs would
    take time from a real-time one.
    """
    return min(vcpus - realtime or vcpus)


def parked(
    recorded: frozenset[int], cells: Iterable[Mapping[int, int]]
) -> frozenset[int]:
    """Return which of a record's offline vCPUs are offline.

    Those that share a pCPU. One with a core of its own is online: Nova has
    given the server the flavor's cores anew (resize, cold migration), and
    the guest has booted with all of them.

    :param cells: the pins of each NUMA cell of the guest.
    """
    found: set[int] = set()
    for pins in cells:
        counts = Counter(pins.values())
        found |= {v for v in recorded & pins.keys() if counts[pins[v]] > 1}
    return frozenset(found)


def moved(before: Layout, after: Layout) -> dict[int, int]:
    """Return the new pCPU of each vCPU that lies elsewhere afterwards."""
    old = before.pins
    return {
        vcpu: pcpu for vcpu, pcpu in after.pins.items() if old[vcpu] != pcpu
    }


def next_online(layout: Layout) -> int:
    """Return the vCPU that a scale-up brings online: the lowest offline."""
    return min(layout.offline)


def check_choice(layout: Layout, bounds: Bounds, vcpu: int) -> None:
    """Check the vCPU that the guest chose to take offline.

    :raises exception.CannotOfflineCpu: it is offline already or unknown.
    :raises exception.GuestChoiceRejected: it must stay online.
    """
    if vcpu not in layout.online:
        raise exception.CannotOfflineCpu(vcpu=vcpu)
    reason = _why_needed(layout, bounds, vcpu)
    if reason:
        raise exception.GuestChoiceRejected(vcpu=vcpu, reason=reason)


def candidates(layout: Layout, bounds: Bounds) -> list[int]:
    """Return the vCPUs that may go offline, the preferred one first."""
    return [
        vcpu
        for vcpu in sorted(layout.online, reverse=True)
        if not _why_needed(layout, bounds, vcpu)
    ]


def _why_needed(layout: Layout, bounds: Bounds, vcpu: int) -> str:
    if vcpu == 0:
        return 'vCPU 0 always stays online'
    if len(layout.online) <= bounds.minimum:
        return 'only the minimum of %d is online' % bounds.minimum
    if layout.cell_of(vcpu).pins.keys() & layout.online == {vcpu}:
        return 'it is the last online vCPU of its NUMA cell'
    ordinary = layout.online - layout.realtime
    if layout.realtime and ordinary == {vcpu}:
        return 'it is the last online vCPU that is not real-time'
    return ''


def emulator_pcpus(layout: Layout) -> frozenset[int]:
    """Return where QEMU's own threads may run, without an emulator policy.

    Nova's rule (``LibvirtDriver._get_emulatorpin_cpuset``) on the vCPUs that
    are online: the pCPUs of the ordinary ones, never one of a real-time vCPU.
    Where an image with another mask has left none of them ordinary, which
    nova-api refuses, it is that of the lowest: they must run somewhere.
    """
    ordinary = layout.online - layout.realtime
    lowest = sorted(layout.online)[:1]
    return frozenset(layout.pins[vcpu] for vcpu in ordinary or lowest)
