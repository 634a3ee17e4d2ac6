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
"""A real-time server keeps its guarantees while it scales.

All is read from the kernel: the policy and the affinity of every thread of
QEMU, and the memory that it has locked. The order of the steps is read from
what has happened while the daemon that changes policies stands still.
"""

import collections.abc
import contextlib
import json
import os
import pathlib
import signal
import time

import pytest

from tests.lab import identity
from tests.lab import nova
from tests.lab import openstack
from tests.lab import qemu
from tests.lab import rest
from tests.lab import servers
from tests.unit.hypervisor import schema

REALTIME = {
    **servers.SCALABLE,
    'hw:cpu_realtime': 'yes',
    'hw:cpu_realtime_mask': '^0',
}

#: Of the lab's flavors, in KiB.
MEMORY = 384 * 1024

#: Seconds in which a step in a wrong order would have happened.
LONG_ENOUGH = 3

FIFO = 'FIFO 1'

#: Of ``linux/capability.h``: the number of its bit.
CAP_SYS_NICE = 23


@pytest.fixture
def server(users: servers.Servers) -> servers.Servers:
    """Whoever owns server A, whose vCPU 1 is real-time."""
    users.boot('A', users.flavor('realtime-2', 2, REALTIME))
    return users


def look(users: servers.Servers, when: str) -> qemu.Process:
    """Look at the server's QEMU, and show it."""
    found = qemu.look(users.probes.guest(users.uuids['A']))
    print(f'{when}: {found}')
    return found


def check(users: servers.Servers, when: str, *, parked: bool) -> qemu.Process:
    """Whether all is as it must be with vCPU 1 online, or parked."""
    found = look(users, when)
    pins = {
        vcpu: frozenset({pcpu})
        for vcpu, pcpu in users.probes.pins(users.uuids['A']).items()
    }
    assert (pins[0] == pins[1]) is parked
    realtime = frozenset() if parked else frozenset({1})
    assert [found.vcpus[0].policy, found.vcpus[1].policy] == [
        'OTHER',
        'OTHER' if parked else FIFO,
    ]
    for vcpu, pcpus in pins.items():
        assert found.vcpus[vcpu].affinity == pcpus
    for task in found.others:
        assert task.policy == 'OTHER', task
        assert task.affinity == pins[0], task
    assert found.locked_kib >= MEMORY
    for definition in (found.live, found.stored):
        assert definition.pins == pins
        assert definition.emulator == pins[0]
        assert set(definition.iothreads.values()) <= {pins[0]}
        assert definition.locked
    assert found.stored.realtime == realtime
    domain = users.probes.guest(users.uuids['A'])
    assert schema.errors(domain.virsh('dumpxml', '--inactive')) == []
    return found


def remarks(users: servers.Servers) -> list[str]:
    """What ``openstack server scale show`` remarks."""
    shown = users.cli('server', 'scale', 'show', '-f', 'json', 'A')
    assert shown.status == 0, shown.errors
    return list(json.loads(shown.output)['remarks'])


def scale(users: servers.Servers, direction: str) -> None:
    """Scale one step, and wait for it.

    A nova-compute that has just started first counts its cores.
    """

    def accepted() -> bool:
        try:
            users.scale('A', direction)
        except rest.HttpError as error:
            if error.status == 409 and 'not been audited' in str(error):
                return False
            raise
        return True

    rest.wait_for(f'the host takes scale {direction}', accepted, 60)


def await_request(users: servers.Servers) -> dict[str, object]:
    """Wait until the last request has ended; how it did."""

    def ended() -> dict[str, object] | None:
        last = users.last_request('A')
        return None if last['state'] == 'in progress' else last

    return dict(rest.wait_for('the request ended', ended, 60))


def do(users: servers.Servers, action: str, status: str) -> None:
    """Do something to the server, and wait until it is so."""
    users.act('A', action)
    users.await_status('A', status, 120)


def restart_compute(lab: openstack.Lab) -> None:
    """Let nova-compute end as it likes to, and start it again."""
    lab.control.stop('nova-compute', signal.SIGTERM)
    lab.control.start(nova.daemon(lab.paths, 'nova-compute', lab.compute_up))


def test_every_thread_in_every_state(
    lab: openstack.Lab, server: servers.Servers
) -> None:
    before = check(server, 'booted', parked=False)
    assert before.live.realtime == {1}
    assert remarks(server) == []

    scale(server, 'down')
    check(server, 'scaled down', parked=True)
    (remark,) = remarks(server)
    assert 'All real-time vCPUs (1) are parked' in remark

    restart_compute(lab)
    check(server, 'scaled down, nova-compute restarted', parked=True)

    scale(server, 'up')
    assert check(server, 'scaled up', parked=False).pid == before.pid

    scale(server, 'down')
    do(server, 'os-stop', 'SHUTOFF')
    do(server, 'os-start', 'ACTIVE')
    started = check(server, 'started scaled down', parked=True)
    assert started.pid != before.pid
    assert started.live.realtime == frozenset()

    server.await_guest('A')
    scale(server, 'up')
    check(server, 'scaled up after the start', parked=False)
    restart_compute(lab)
    check(server, 'scaled up, nova-compute restarted', parked=False)


def helper(lab: openstack.Lab) -> int:
    """The process id of our own privsep daemon, which may do no more."""
    for pid in identity.bearers(lab.control.mark):
        process = pathlib.Path('/proc', str(pid))
        try:
            words = (process / 'cmdline').read_bytes()
            status = (process / 'status').read_text()
        except OSError:
            # It has ended meanwhile.
            continue
        if b'nova_ext.hypervisor.privileged.context' in words:
            assert f'CapEff:\t{1 << CAP_SYS_NICE:016x}\n' in status
            assert f'CapPrm:\t{1 << CAP_SYS_NICE:016x}\n' in status
            return pid
    raise AssertionError('no daemon changes policies')


@contextlib.contextmanager
def frozen(pid: int) -> collections.abc.Iterator[None]:
    """Let one process stand still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def always(
    tid: int,
    wanted: collections.abc.Callable[[qemu.Task], bool],
    seconds: float,
) -> None:
    """Look at a thread all the time, which must always be as wanted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = qemu.task(tid)
        assert wanted(found), found
        time.sleep(0.001)


def test_the_order_of_the_steps(
    lab: openstack.Lab, server: servers.Servers
) -> None:
    """Nothing that must come later has come while the policy waits."""
    domain = server.probes.guest(server.uuids['A'])
    # Once around, so that the daemon runs.
    scale(server, 'down')
    scale(server, 'up')
    before = check(server, 'before', parked=False)
    own, parking = before.vcpus[1].affinity, before.vcpus[0].affinity
    tid = before.vcpus[1].tid

    with frozen(helper(lab)):
        server.request('A', 1)
        rest.wait_for('vCPU 1 offline', lambda: domain.online() == '0', 30)
        # Real-time still, and so it must not have come to another's core.
        always(
            tid,
            lambda it: it.affinity == own and it.policy == FIFO,
            LONG_ENOUGH,
        )
    assert await_request(server)['state'] == 'done'
    check(server, 'down', parked=True)

    with frozen(helper(lab)):
        server.request('A', 2)
        rest.wait_for(
            'vCPU 1 on a core of its own',
            lambda: qemu.task(tid).affinity.isdisjoint(parking),
            30,
        )
        # Its core is its own; real-time it is not, so the guest must wait.
        always(tid, lambda it: it.policy == 'OTHER', LONG_ENOUGH)
        assert domain.online() == '0'
    assert await_request(server)['state'] == 'done'
    check(server, 'up', parked=False)
    assert domain.online() == '0-1'


def test_a_policy_that_cannot_be_changed(
    lab: openstack.Lab, server: servers.Servers
) -> None:
    """The daemon dies in the middle of a step, which is then undone."""
    domain = server.probes.guest(server.uuids['A'])
    # Once around, so that the daemon runs.
    scale(server, 'down')
    scale(server, 'up')
    for parked, online, count, direction in (
        (False, '0-1', 1, 'down'),
        (True, '0', 2, 'up'),
    ):
        before = check(server, f'before {direction}', parked=parked)
        pid = helper(lab)
        with frozen(pid):
            server.request('A', count)
            # The step waits for the daemon in the end.
            always(before.vcpus[1].tid, lambda it: True, LONG_ENOUGH)
            os.kill(pid, signal.SIGKILL)
            last = await_request(server)
        assert last['state'] == 'failed', last
        assert 'The scheduling policy of vCPU 1' in str(last['reason'])
        check(server, f'{direction} has failed', parked=parked)
        assert domain.online() == online
        scale(server, direction)
        check(server, f'{direction} at last', parked=not parked)
