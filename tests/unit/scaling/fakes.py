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
"""A small host on plain data, behind the ports of the scale operation.

Each effect outside the process goes through :meth:`World.effect`, where a
test can let it fail before or after it happened, or let the process die.
"""

from collections.abc import Callable
from dataclasses import replace

from nova_ext import exception
from nova_ext.model import pinning
from nova_ext.model.bounds import Bounds
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling import planning
from nova_ext.scaling.ports import Ports
from nova_ext.scaling.ports import Server

UUID = 'a-server'
NAME = 'instance-00000001'


class Died(BaseException):
    """The process ended: nothing may run after this."""


class World:
    """One server on a host of one or two NUMA nodes, and its neighbours."""

    def __init__(
        self,
        cells: list[dict[int, int]],
        minimum: int = 1,
        realtime: frozenset[int] = frozenset(),
        nodes: list[set[int]] | None = None,
    ) -> None:
        layout = Layout(
            tuple(Cell(node, pins) for node, pins in enumerate(cells)),
            realtime=realtime,
        )
        self.nodes = nodes or [set(pins.values()) for pins in cells]
        self.bounds = Bounds(minimum, len(layout.vcpus))
        self.effects: list[str] = []
        self.before: Callable[[str, int], None] = lambda name, index: None
        self.after: Callable[[str, int], None] = lambda name, index: None
        # What is saved, and what each part of the world has of it.
        self.saved = (ScaleRecord(), layout)
        self.claimed = False
        self.kept: tuple[ScaleRecord, Layout] | None = None
        self.counted = layout
        self.others: set[int] = set()
        self.charged = len(layout.vcpus)
        self.threads = dict(layout.pins)
        self.fifo = set(realtime)
        self.emulator = pinning.emulator_pcpus(layout)
        self.online = set(layout.vcpus)
        self.powered = set(layout.pcpus)
        self.choice: int | None = None
        self.silent = False
        self.refuses = ''
        self.withdrawn: set[str] = set()
        self.locked = False
        self.calls_under_lock: list[str] = []

    @property
    def server(self) -> Server:
        record, layout = self.saved
        return Server(
            UUID, NAME, self.bounds, replace(layout, offline=record.offline)
        )

    @property
    def record(self) -> ScaleRecord:
        return self.saved[0]

    @property
    def ports(self) -> Ports:
        return Ports(
            guest=Guest(self),
            store=Store(self),
            host=Host(self),
            allocation=Allocation(self),
            domain=Domain(self),
            power=Power(self),
        )

    def effect(self, name: str, change: Callable[[], None]) -> None:
        index = len(self.effects)
        self.effects.append(name)
        if self.locked:
            self.calls_under_lock.append(name)
        self.before(name, index)
        change()
        self.after(name, index)

    def restore(self) -> None:
        """Save the end of a request that could not be saved, as audits do."""
        if self.kept and self.record.is_before(self.kept[0]):
            end, layout = self.kept
            self.saved = (end.to_recover(), layout)

    def free(self, node: int) -> list[int]:
        return sorted(self.nodes[node] - self.counted.pcpus - self.others)

    def disagreements(self) -> list[str]:
        """Name everything that does not agree with the saved record."""
        record, layout = self.saved
        layout = replace(layout, offline=record.offline)
        checks = {
            'claimed': (self.claimed, False),
            'journal': (record.journal, None),
            'settled': (layout, layout.settled()),
            'counted': (self.counted.pins, layout.pins),
            'owners': (layout.pcpus & self.others, frozenset()),
            'cores': (len(layout.pcpus), len(layout.online)),
            'placement': (self.charged, len(layout.online)),
            'threads': (self.threads, layout.pins),
            'real-time': (self.fifo, layout.realtime & layout.online),
            'emulator': (self.emulator, pinning.emulator_pcpus(layout)),
            'guest': (self.online, set(layout.online)),
            'powered': (layout.pcpus - self.powered, frozenset()),
            'minimum': (len(layout.online) >= self.bounds.minimum, True),
        }
        return [
            '%s: %r, wanted %r' % (name, found, wanted)
            for name, (found, wanted) in checks.items()
            if found != wanted
        ]

    def fifo_off_core(self) -> set[int]:
        """Return FIFO threads on a pCPU where another vCPU runs too."""
        return {
            vcpu
            for vcpu in self.fifo
            for other, pcpu in self.threads.items()
            if other != vcpu and pcpu == self.threads[vcpu]
            if other in self.online
        }


class Guest:
    def __init__(self, world: World) -> None:
        self.world = world

    def take_offline(
        self, name: str, timeout: float, vcpu: int | None = None
    ) -> int:
        world = self.world
        self._may_answer(timeout)
        if vcpu is None:
            vcpu = world.choice
        if vcpu is None:
            vcpu = max(world.online)
        chosen = vcpu
        world.effect('guest off', lambda: world.online.discard(chosen))
        return vcpu

    def bring_online(
        self, name: str, vcpu: int, online: frozenset[int], timeout: float
    ) -> None:
        world = self.world
        self._may_answer(timeout)
        assert vcpu in online
        if vcpu in world.server.layout.vcpus:
            world.effect('guest on', lambda: world.online.add(vcpu))

    def _may_answer(self, timeout: float) -> None:
        assert not self.world.locked
        if self.world.silent:
            raise exception.GuestSilent(timeout=timeout)
        if self.world.refuses:
            raise exception.GuestRefused(reason=self.world.refuses)


class Store:
    def __init__(self, world: World) -> None:
        self.world = world

    def begin(self, record: ScaleRecord) -> None:
        if self.world.claimed:
            raise exception.ServerBusy(reason='busy')

        def change() -> None:
            self.world.saved = (record, self.world.saved[1])
            self.world.claimed = True

        self.world.effect('save', change)

    def finish(self, record: ScaleRecord, layout: Layout) -> None:
        def change() -> None:
            self.world.saved = (record, layout)
            self.world.claimed = False

        self.world.effect('save', change)

    def note(self, record: ScaleRecord) -> None:
        def change() -> None:
            self.world.saved = (record, self.world.saved[1])

        self.world.effect('save', change)

    def is_withdrawn(self, request_id: str) -> bool:
        return request_id in self.world.withdrawn


class Host:
    def __init__(self, world: World) -> None:
        self.world = world

    def free_pcpus(self, node: int) -> list[int]:
        return self.world.free(node)

    def switch(
        self, before: Layout, after: Layout, record: ScaleRecord
    ) -> None:
        world = self.world
        assert before.pins == world.counted.pins
        if (after.pcpus - before.pcpus) & world.others:
            raise exception.InsufficientResources(reason='taken')
        world.locked = True
        try:
            world.powered |= after.pcpus
            world.effect(
                'save', lambda: setattr(world, 'saved', (record, after))
            )
            world.powered -= before.pcpus - after.pcpus
            world.counted = after
        finally:
            world.locked = False

    def take(self, before: Layout, vcpu: int, record: ScaleRecord) -> Layout:
        node = before.cell_of(vcpu).node
        free = self.world.free(node)
        if not free:
            raise planning.no_free_pcpu(node, False)
        after = before.with_core(vcpu, free[0])
        self.switch(before, after, record)
        return after

    def keep(self, record: ScaleRecord, layout: Layout) -> None:
        self.world.kept = (record, layout)


class Allocation:
    def __init__(self, world: World) -> None:
        self.world = world

    def charge(self, layout: Layout) -> None:
        world = self.world
        world.effect(
            'placement',
            lambda: setattr(world, 'charged', len(layout.online)),
        )


class Domain:
    def __init__(self, world: World) -> None:
        self.world = world

    def pin_vcpus(self, pins: dict[int, int]) -> None:
        world = self.world
        for vcpu, pcpu in pins.items():
            assert pcpu in world.powered, 'pinned to a core without power'
            world.effect(
                'pin',
                lambda vcpu=vcpu, pcpu=pcpu: world.threads.update(  # type: ignore[misc]
                    {vcpu: pcpu}
                ),
            )

    def pin_emulator(self, pcpus: frozenset[int]) -> None:
        world = self.world
        world.effect('pin emulator', lambda: setattr(world, 'emulator', pcpus))

    def make_ordinary(self, vcpus: frozenset[int]) -> None:
        world = self.world
        if vcpus:
            world.effect(
                'ordinary', lambda: world.fifo.difference_update(vcpus)
            )

    def make_realtime(self, vcpus: frozenset[int]) -> None:
        world = self.world
        if vcpus:
            world.effect('real-time', lambda: world.fifo.update(vcpus))


class Power:
    def __init__(self, world: World) -> None:
        self.world = world

    def up(self, pcpus: frozenset[int]) -> None:
        world = self.world
        if pcpus - world.powered:
            world.effect('power up', lambda: world.powered.update(pcpus))
