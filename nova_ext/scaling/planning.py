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
"""What a request would do, and everything that is in its way.

A dry run shows all of it; a real request is refused with the first blocker,
so both always agree.
"""

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass

from nova_ext import exception
from nova_ext.model import pinning
from nova_ext.model.pinning import Layout
from nova_ext.model.record import DOWN
from nova_ext.model.record import UP
from nova_ext.scaling.contract import Blocker
from nova_ext.scaling.contract import Plan
from nova_ext.scaling.contract import PlannedStep
from nova_ext.scaling.contract import Wish
from nova_ext.scaling.ports import Server
from nova_ext.wire import addresses

#: What a server in ``vm_state`` other than this needs before it can scale.
_ACTIVE = 'active'


@dataclass(frozen=True)
class Circumstances:
    """What holds at the moment of the request.

    :ivar running: whether its domain runs.
    :ivar listening: whether the guest's end of the channel is open; None
        where libvirt does not tell.
    :ivar host_picks: whether a silent guest is no obstacle on the way down.
    :ivar free_pcpus: the pCPUs of a NUMA node that a vCPU could get.
    :ivar isolated: whether a vCPU takes a whole core with its siblings.
    """

    vm_state: str
    task_state: str | None
    locked: bool
    running: bool
    listening: bool | None
    host_picks: bool
    free_pcpus: Callable[[int], list[int]]
    isolated: bool = False


def make_plan(server: Server, wish: Wish, now: Circumstances) -> Plan:
    """Return the steps of a request and what is in its way.

    It reads, and changes nothing.
    """
    # A server without pinned vCPUs has no layout, and is not scalable.
    current = len(server.layout.online) or server.bounds.maximum
    target = wish.target_from(current)
    steps = tuple(_steps(server, current, target, now))
    blockers = (
        *_state_blockers(server, now),
        *_running_blockers(server, now),
        *_bounds_blockers(server, target),
        *_cell_blockers(server, target),
        *_guest_blockers(target < current, bool(steps), now),
        *_core_blockers(server.layout, steps, now),
    )
    return Plan(current, target, steps, blockers)


def _steps(
    server: Server, current: int, target: int, now: Circumstances
) -> Iterator[PlannedStep]:
    if target not in server.bounds:
        return
    if target < current:
        yield from [PlannedStep(DOWN)] * (current - target)
    elif server.layout.offline:
        yield from _steps_up(server.layout, target - current, now)


def _steps_up(
    layout: Layout, count: int, now: Circumstances
) -> Iterator[PlannedStep]:
    free = {cell.node: now.free_pcpus(cell.node) for cell in layout.cells}
    for vcpu in sorted(layout.offline)[:count]:
        pcpus = free[layout.cell_of(vcpu).node]
        yield PlannedStep(UP, vcpu, pcpus.pop(0) if pcpus else None)


def _state_blockers(server: Server, now: Circumstances) -> Iterator[Blocker]:
    # Nova's words (nova.exception.InstanceIsLocked and nova.api.openstack
    # .common.raise_http_conflict_for_instance_invalid_state).
    if now.locked:
        yield Blocker(
            exception.ServerBusy(reason='Instance %s is locked' % server.uuid),
            'Unlock the server (openstack server unlock).',
        )
    for attribute, state, wanted, remedy in (
        ('vm_state', now.vm_state, _ACTIVE, 'Bring the server to ACTIVE.'),
        ('task_state', now.task_state, None, 'Wait for the other operation.'),
    ):
        if state != wanted:
            yield Blocker(
                exception.ServerBusy(
                    reason="Cannot 'scale' instance %s while it is in %s %s"
                    % (server.uuid, attribute, state)
                ),
                remedy,
            )


def _running_blockers(server: Server, now: Circumstances) -> Iterator[Blocker]:
    if now.vm_state == _ACTIVE and not now.running:
        yield Blocker(
            exception.ServerBusy(
                reason='The domain of instance %s does not run' % server.uuid
            ),
            'Start the server, or reboot it hard.',
        )


def _bounds_blockers(server: Server, target: int) -> Iterator[Blocker]:
    bounds = server.bounds
    if target in bounds:
        return
    if not bounds.scalable:
        remedy = (
            'Resize the server to a flavor with a valid wrs:min_vcpus below '
            'its vCPUs.'
        )
    else:
        remedy = 'Ask for %d to %d online vCPUs.' % (
            bounds.minimum,
            bounds.maximum,
        )
    yield Blocker(exception.CannotScaleBeyondLimits(), remedy)


def _cell_blockers(server: Server, target: int) -> Iterator[Blocker]:
    layout = server.layout
    while target in server.bounds and target < len(layout.online):
        choices = pinning.candidates(layout, server.bounds)
        if not choices:
            yield Blocker(
                exception.NotScalable(
                    reason='Cannot scale below %d online vCPUs: vCPU 0, one '
                    'vCPU of each NUMA cell and, with real-time, one ordinary '
                    'vCPU stay online.' % len(layout.online)
                ),
                'Ask for at least %d online vCPUs.' % len(layout.online),
            )
            return
        layout = layout.without(choices[0])


def _guest_blockers(
    down: bool, any_step: bool, now: Circumstances
) -> Iterator[Blocker]:
    if now.listening is not False or not any_step:
        return
    if down and now.host_picks:
        return
    yield Blocker(
        exception.GuestNotListening(port=addresses.PORT_NAME),
        'Start guest_agent and guest_scale_agent in the guest.',
    )


def _core_blockers(
    layout: Layout, steps: tuple[PlannedStep, ...], now: Circumstances
) -> Iterator[Blocker]:
    starved = {
        layout.cell_of(step.vcpu).node
        for step in steps
        if step.vcpu is not None and step.pcpu is None
    }
    for node in sorted(starved):
        yield Blocker(
            no_free_pcpu(node, now.isolated),
            'Free a dedicated pCPU of NUMA node %d on the host (delete, '
            'scale down or move another server), or move this one.' % node,
        )


def no_free_pcpu(node: int, isolated: bool) -> exception.InsufficientResources:
    """Return the refusal for a NUMA node without a free pCPU.

    :param isolated: whether a whole core with its siblings was wanted.
    """
    what = 'siblings' if isolated else 'pcpu'
    return exception.InsufficientResources(
        reason='no free %s available on NUMA node %d' % (what, node)
    )
