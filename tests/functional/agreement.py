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
"""Whether all that knows of a server's vCPUs says the same.

Pure comparison of plain data; ``tests.functional.observe`` reads the data
from Nova, placement, the fake libvirt, the fake kernel and the fake guests.
The rules are written here once more, on purpose not with the product's code.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from typing import Any


@dataclass(frozen=True)
class ProcessState:
    """The running QEMU process of a server and the guest in it.

    :ivar pins: live pins by vCPU, as libvirt reports them.
    :ivar affinities: each vCPU thread's affinity in the kernel.
    :ivar realtime: the vCPUs whose threads run SCHED_FIFO.
    :ivar emulator: where QEMU's own threads and its I/O threads may run,
        the CPUs that the host shares left out.
    :ivar guest_online: the vCPUs that the guest's kernel uses.
    """

    pins: Mapping[int, frozenset[int]]
    affinities: Mapping[int, frozenset[int]]
    realtime: frozenset[int]
    emulator: frozenset[int]
    guest_online: frozenset[int]


@dataclass(frozen=True)
class ServerState:
    """One server, from every source.

    :ivar cells: the vCPUs of each guest NUMA cell.
    :ivar pins: the pCPU of each vCPU, by ``instance.numa_topology``.
    :ivar cores: all pCPUs that are the server's, with the hardware threads
        that ``isolate`` blocks and those of an isolated emulator.
    :ivar extra_cores: how many of them are the emulator's.
    :ivar vcpus: what the server counts for in ``vcpus_used``.
    :ivar memory_mb: of its flavor.
    :ivar offline: the record's offline vCPUs, but for those whose pCPU is
        theirs alone, as after a move that did not end.
    :ivar allocated: units of PCPU and VCPU in placement, of its host.
    :ivar config_pins: pins in the persistent definition.
    :ivar config_realtime: ``vcpusched`` in the persistent definition.
    :ivar config_emulator: where QEMU's own threads and each I/O thread may
        run, by name, in the persistent definition.
    :ivar emulator: pCPUs that only QEMU's own threads use, those that the
        host shares included; empty where they run on the server's own.
    :ivar process: None while the server does not run.
    """

    name: str
    uuid: str
    host: str
    minimum: int
    maximum: int
    realtime: frozenset[int]
    cells: tuple[frozenset[int], ...]
    pins: Mapping[int, int]
    cores: frozenset[int]
    extra_cores: int
    vcpus: int
    memory_mb: int
    offline: frozenset[int]
    journal: str
    task_state: str | None
    allocated: int
    config_pins: Mapping[int, frozenset[int]]
    config_realtime: frozenset[int]
    config_emulator: Mapping[str, frozenset[int]]
    emulator: frozenset[int]
    process: ProcessState | None

    @property
    def online(self) -> frozenset[int]:
        return frozenset(self.pins) - self.offline


@dataclass(frozen=True)
class KeptState:
    """What a server that was resized or migrated has on its old host.

    It is kept until the move is confirmed or reverted.

    :ivar consumer: uuid of the migration, which has the allocation now.
    :ivar cores: as of a server.
    :ivar count: how many units placement should have of it.
    :ivar vcpus: as of a server, of the old flavor.
    :ivar memory_mb: the same.
    """

    name: str
    uuid: str
    consumer: str
    host: str
    cores: frozenset[int]
    count: int
    vcpus: int
    memory_mb: int


@dataclass(frozen=True)
class HostState:
    """One host's dedicated cores, as the tracker counts them.

    :ivar tracked: pinned pCPUs in the tracker's memory.
    :ivar saved: the same in the database, which the scheduler reads.
    :ivar allocated: units of PCPU and VCPU in placement, by consumer.
    :ivar domains: the uuids of the servers that libvirt knows.
    :ivar vcpus: ``vcpus_used``, in the tracker's memory and in the database.
    :ivar memory_mb: ``memory_mb_used``, likewise, without what the host
        reserves for itself.
    :ivar usage: of each NUMA node, only compared across an audit.
    """

    name: str
    tracked: frozenset[int]
    saved: frozenset[int]
    allocated: Mapping[str, int]
    domains: frozenset[str]
    vcpus: tuple[int, int]
    memory_mb: tuple[int, int]
    usage: Mapping[str, Any]


def disagreements(
    hosts: Iterable[HostState],
    servers: Sequence[ServerState],
    accounting: str = 'current',
    journals: bool = False,
    kept: Sequence[KeptState] = (),
) -> list[str]:
    """Name everything that disagrees; empty when all is well.

    :param accounting: of ``[nova_ext_scaling]``, ``current`` or ``full``.
    :param journals: whether journals may be open, because a guest that did
        not answer may still act on the request.
    :param kept: what servers have on their old hosts.
    """
    found = []
    for server in servers:
        if server.journal and not journals:
            found.append(
                'server %s: its journal is open: %s'
                % (server.name, server.journal)
            )
        for said in _of_server(server, accounting):
            found.append('server %s: %s' % (server.name, said))
    for host in hosts:
        mine = [server for server in servers if server.host == host.name]
        old = [one for one in kept if one.host == host.name]
        for said in (
            *_of_host(host, [*mine, *old]),
            *_left(host, mine, old),
            *_used(host, [*mine, *old]),
        ):
            found.append('host %s: %s' % (host.name, said))
    return found


def differences(before: Any, after: Any) -> list[str]:
    """Name every field that differs between two equally long lists."""
    found = []
    for old, new in zip(before, after, strict=True):
        for field in fields(old):
            was, now = getattr(old, field.name), getattr(new, field.name)
            if was != now:
                found.append(
                    '%s: %s was %r and is %r'
                    % (old.name, field.name, was, now)
                )
    return found


def _left(
    host: HostState, servers: list[ServerState], kept: list[KeptState]
) -> Iterator[str]:
    """Name what is on a host without a server, or missing there."""
    wanted = {server.uuid: server.allocated for server in servers}
    wanted.update({one.consumer: one.count for one in kept})
    for consumer in sorted(wanted.keys() | host.allocated.keys()):
        found = host.allocated.get(consumer, 0)
        if found != wanted.get(consumer, 0):
            yield 'placement has %d for consumer %s, not %d' % (
                found,
                consumer,
                wanted.get(consumer, 0),
            )
    for uuid in sorted(host.domains - {one.uuid for one in [*servers, *kept]}):
        yield 'a domain of %s is left' % uuid


def _used(
    host: HostState, servers: Sequence[ServerState | KeptState]
) -> Iterator[str]:
    for what, found, wanted in (
        ('vcpus_used', host.vcpus, sum(one.vcpus for one in servers)),
        (
            'memory_mb_used',
            host.memory_mb,
            sum(one.memory_mb for one in servers),
        ),
    ):
        for where, number in zip(('tracker', 'database'), found, strict=True):
            if number != wanted:
                yield '%s of the %s is %d, its servers have %d' % (
                    what,
                    where,
                    number,
                    wanted,
                )


def _of_host(
    host: HostState, servers: Sequence[ServerState | KeptState]
) -> Iterator[str]:
    owners: dict[int, list[str]] = {}
    for server in servers:
        for core in server.cores:
            owners.setdefault(core, []).append(server.name)
    for core, names in sorted(owners.items()):
        if len(names) > 1:
            yield 'core %d has the owners %s' % (core, ', '.join(names))
    for what, pinned in (('tracker', host.tracked), ('database', host.saved)):
        for core in sorted(owners.keys() - pinned):
            yield 'core %d of %s is free for the %s' % (
                core,
                owners[core][0],
                what,
            )
        for core in sorted(pinned - owners.keys()):
            yield 'core %d is pinned for the %s, without an owner' % (
                core,
                what,
            )


def _of_server(server: ServerState, accounting: str) -> Iterator[str]:
    if server.task_state:
        yield 'the task state is %s' % server.task_state
    if not server.offline <= server.pins.keys():
        yield 'the record names unknown vCPUs %s' % set(server.offline)
        return
    count = len(server.online)
    if not server.minimum <= count <= server.maximum:
        yield '%d online, bounds are %d to %d' % (
            count,
            server.minimum,
            server.maximum,
        )
    charged = server.maximum if accounting == 'full' else count
    if server.allocated != charged + server.extra_cores:
        yield 'placement has %d, %d are online and %d are extra' % (
            server.allocated,
            count,
            server.extra_cores,
        )
    yield from _parking(server)
    wanted = {vcpu: frozenset({pcpu}) for vcpu, pcpu in server.pins.items()}
    yield from _differ('configured pin', wanted, server.config_pins)
    fifo = server.realtime - server.offline
    if server.config_realtime != fifo:
        yield 'configured real-time vCPUs are %s, not %s' % (
            set(server.config_realtime),
            set(fifo),
        )
    yield from _emulator(server)
    if server.process is not None:
        yield from _of_process(server, server.process, wanted)


def _emulator(server: ServerState) -> Iterator[str]:
    ordinary = server.online - server.realtime or {min(server.online)}
    wanted = server.emulator or {server.pins[vcpu] for vcpu in ordinary}
    for thread, found in sorted(server.config_emulator.items()):
        if found != wanted:
            yield 'configured pin of the %s is %s, not %s' % (
                thread,
                set(found),
                set(wanted),
            )


def _parking(server: ServerState) -> Iterator[str]:
    taken: dict[int, int] = {}
    for vcpu in sorted(server.online):
        pcpu = server.pins[vcpu]
        if pcpu in taken:
            yield 'vCPUs %d and %d are both online on pCPU %d' % (
                taken[pcpu],
                vcpu,
                pcpu,
            )
        taken[pcpu] = vcpu
    for cell in server.cells:
        online = cell & server.online
        if not online:
            yield 'no vCPU of cell %s is online' % set(cell)
            continue
        parking = min(online - server.realtime or online)
        for vcpu in sorted(cell & server.offline):
            if server.pins[vcpu] != server.pins[parking]:
                yield 'vCPU %d is offline on pCPU %d, not parked on %d' % (
                    vcpu,
                    server.pins[vcpu],
                    server.pins[parking],
                )


def _of_process(
    server: ServerState,
    process: ProcessState,
    wanted: Mapping[int, frozenset[int]],
) -> Iterator[str]:
    yield from _differ('live pin', wanted, process.pins)
    yield from _differ('affinity', wanted, process.affinities)
    fifo = server.realtime - server.offline
    if process.realtime != fifo:
        yield 'threads that run SCHED_FIFO are %s, not %s' % (
            set(process.realtime),
            set(fifo),
        )
    strange = process.emulator - server.cores
    if strange:
        yield "QEMU's own threads may run on pCPUs %s of others" % set(strange)
    if process.guest_online != server.online:
        yield 'the guest uses vCPUs %s, the record says %s' % (
            sorted(process.guest_online),
            sorted(server.online),
        )


def _differ(
    what: str,
    wanted: Mapping[int, frozenset[int]],
    found: Mapping[int, frozenset[int]],
) -> Iterator[str]:
    for vcpu in sorted(wanted.keys() | found.keys()):
        if wanted.get(vcpu) != found.get(vcpu):
            yield 'vCPU %d: %s is %s, not %s' % (
                vcpu,
                what,
                set(found.get(vcpu, ())),
                set(wanted.get(vcpu, ())),
            )
