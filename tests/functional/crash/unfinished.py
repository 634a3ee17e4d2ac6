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
"""What must hold while a move is cut off and nobody has looked after it yet.

Nova keeps a cut-off move open until an operator resets the server: its claim
stays, and so does what the scheduler has reserved for it. So a host counts
the cores of its servers and, wholly or not at all, those of such a claim.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.compute import vm_states

from nova_ext.model import usage
from tests.functional import observe
from tests.functional.agreement import HostState
from tests.functional.agreement import ServerState
from tests.functional.walk import cloud as clouds


@dataclass(frozen=True)
class Moving:
    """A server whose move was cut off.

    :ivar cores: its pCPUs on each host that is up: its own on the one, those
        of the claim of the move on the other.
    :ivar host: where it is.
    :ivar consumers: of its allocations: its uuid and those of its migrations.
    :ivar reserved: units that the scheduler reserves for its flavor.
    :ivar is_open: whether Nova keeps the move open.
    :ivar is_lost: whether it should run and has no domain that does.
    """

    host: str
    cores: dict[str, frozenset[int]]
    consumers: frozenset[str]
    reserved: int
    is_open: bool
    is_lost: bool


def read(cloud: Any, uuid: str) -> Moving:
    """Read a server whose move was cut off."""
    context = nova_context.get_admin_context()
    instance = objects.Instance.get_by_uuid(
        context,
        uuid,
        expected_attrs=['numa_topology', 'flavor', 'migration_context'],
    )
    moves = objects.MigrationList.get_by_filters(
        context, {'instance_uuid': uuid}
    )
    topologies = {instance.host: instance.numa_topology}
    claim = instance.migration_context
    if claim is not None:
        (move,) = (one for one in moves if one.id == claim.migration_id)
        if move.source_compute == instance.host:
            topologies[move.dest_compute] = claim.new_numa_topology
        else:
            # It has the pins of its old host until its new one saves its own.
            topologies = {
                move.source_compute: claim.old_numa_topology,
                instance.host: claim.new_numa_topology,
            }
    up = {
        host: compute
        for host, compute in cloud.computes.items()
        if host not in cloud.away
    }
    flavor = instance.flavor
    is_open = (
        instance.task_state is not None
        or instance.vm_state in (vm_states.ERROR, vm_states.RESIZED)
        or any(one.status not in clouds.ENDED for one in moves)
    )
    return Moving(
        host=instance.host,
        cores={
            host: observe.cores_of(up[host], topology)
            for host, topology in topologies.items()
            if host in up and topology is not None
        },
        consumers=frozenset({uuid, *(one.uuid for one in moves)}),
        reserved=flavor.vcpus + usage.extra_cores_of(flavor.extra_specs),
        is_open=is_open,
        is_lost=not is_open
        and instance.vm_state == vm_states.ACTIVE
        and not _runs(cloud, instance),
    )


def _runs(cloud: Any, instance: Any) -> bool:
    return any(
        domain.UUIDString() == instance.uuid and domain.isActive()
        for domain in cloud.world.hosts[instance.host].listAllDomains(0)
    )


def disagreements(
    hosts: Iterable[HostState],
    beside: Iterable[ServerState],
    moving: Moving,
) -> Iterator[str]:
    """Name what is wrong even though the move is not over."""
    if moving.is_lost:
        yield 'the guest does not run'
    others = list(beside)
    for host in hosts:
        here = [one for one in others if one.host == host.name]
        for said in (
            *_owners(host, here, moving),
            *_allocated(host, here, moving),
        ):
            yield 'host %s: %s' % (host.name, said)


def _owners(
    host: HostState, beside: list[ServerState], moving: Moving
) -> Iterator[str]:
    taken = frozenset().union(*(one.cores for one in beside))
    mine = moving.cores.get(host.name, frozenset())
    if taken & mine:
        yield 'cores %s have two owners' % set(taken & mine)
    counted = host.tracked - taken
    if host.name == moving.host or not moving.is_open:
        wanted = [mine if host.name == moving.host else frozenset()]
    else:
        wanted = [frozenset(), mine]
    if not taken <= host.tracked or counted not in wanted:
        yield 'the tracker counts %s, not %s of others and one of %s' % (
            sorted(host.tracked),
            sorted(taken),
            [sorted(one) for one in wanted],
        )
    if host.tracked != host.saved:
        yield 'the database has %s' % sorted(host.saved)


def _allocated(
    host: HostState, beside: list[ServerState], moving: Moving
) -> Iterator[str]:
    wanted = {one.uuid: one.allocated for one in beside}
    cores = frozenset().union(*(one.cores for one in beside))
    counted = len(host.tracked - cores)
    held = {
        consumer: count
        for consumer, count in host.allocated.items()
        if wanted.get(consumer) != count
    }
    strange = held.keys() - moving.consumers
    if strange:
        yield 'placement has %s' % {one: held[one] for one in sorted(strange)}
    total = sum(held[one] for one in held.keys() & moving.consumers)
    fine = {counted, moving.reserved} if moving.is_open else {counted}
    if total not in fine:
        yield 'placement has %d of the move, %s are right' % (
            total,
            sorted(fine),
        )
