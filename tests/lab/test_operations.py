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
"""A server stays scaled down, in its guest's own view.

The guest has no network, so that it cannot ask the metadata service which of
its vCPUs are parked: each boot brings them online, and the guest is told.
"""

import collections.abc
import json

import pytest

from tests.lab import agreement
from tests.lab import guest
from tests.lab import libvirt
from tests.lab import openstack
from tests.lab import rest
from tests.lab import servers

#: Seconds until a booted guest is told and all agrees, at the latest.
SETTLED = 120

#: Seconds in which a guest that runs a parked vCPU is found: three audits of
#: the lab's nova-compute, with room for a busy machine.
FOUND = 150

CPU1 = '/sys/devices/system/cpu/cpu1/online'


@pytest.fixture(scope='module')
def owner(lab: openstack.Lab) -> collections.abc.Iterator[servers.Servers]:
    """Whoever owns server A: one for all tests, because a boot takes long."""
    users = servers.Servers(lab)
    try:
        users.boot('A', users.flavor('scalable-2', 2, servers.SCALABLE))
        yield users
    finally:
        users.remove_all()


@pytest.fixture
def users(owner: servers.Servers) -> servers.Servers:
    """The same; server A is scaled down."""
    if of(owner).online() != '0':
        owner.scale('A', 'down')
    await_scaled_down(owner)
    return owner


def of(users: servers.Servers) -> guest.Guest:
    """The server's guest."""
    return users.probes.guest(users.uuids['A'])


def await_scaled_down(users: servers.Servers) -> None:
    """Wait until the guest uses vCPU 0 alone, and everything agrees."""
    seen: list[object] = []

    def settled() -> bool:
        seen[:] = [of(users).online(), agreement.problems(users.view())]
        return seen == ['0', []]

    try:
        rest.wait_for('one vCPU in the guest', settled, SETTLED, 1)
    finally:
        print(seen, users.scaling('A'))


def stop_and_start(users: servers.Servers) -> None:
    """The guest's end, and a new QEMU."""
    users.act('A', 'os-stop')
    users.await_status('A', 'SHUTOFF')
    users.act('A', 'os-start')


def hard_reboot(users: servers.Servers) -> None:
    """A new QEMU with a new definition."""
    users.act('A', 'reboot', {'type': 'HARD'})


def crash(users: servers.Servers) -> None:
    """The kernel panics and starts itself anew, in the same QEMU."""
    of(users).run(
        'echo 1 > /proc/sys/kernel/panic; '
        '(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &'
    )


@pytest.mark.parametrize('operation', (stop_and_start, hard_reboot, crash))
def test_a_server_stays_scaled_down(
    users: servers.Servers,
    operation: collections.abc.Callable[[servers.Servers], None],
) -> None:
    """Its guest boots, is told, and can be scaled as before."""
    before = of(users).boot_id()
    assert before and of(users).online() == '0'
    operation(users)

    def booted() -> bool:
        return of(users).boot_id() not in ('', before)

    rest.wait_for(f'a boot by {operation.__name__}', booted, servers.BOOT, 1)
    users.await_status('A', 'ACTIVE')
    await_scaled_down(users)
    assert users.scaling('A')['offline'] == [1]
    users.scale('A', 'up')
    assert of(users).online() == '0-1'
    assert agreement.problems(users.view()) == []


def test_a_guest_that_runs_its_parked_vcpu_is_told(
    users: servers.Servers,
) -> None:
    """And whoever looks is told how often it happened."""

    def count() -> int:
        shown = users.cli('server', 'scale', 'show', '-f', 'json', 'A')
        assert shown.status == 0, shown.errors
        return int(json.loads(shown.output)['stray_count'])

    before = count()
    of(users).run(f'echo 1 > {CPU1}')
    assert of(users).online() == '0-1'
    rest.wait_for('it is told', lambda: of(users).online() == '0', FOUND, 1)
    rest.wait_for('the report', lambda: count() == before + 1, 30, 1)
    await_scaled_down(users)
    assert users.scaling('A')['stray']['vcpus'] == []


def test_a_deleted_server_leaves_no_socket(
    lab: openstack.Lab, users: servers.Servers
) -> None:
    """On the core that server A does not use."""
    users.create('B', users.flavor('scalable-1', 1, servers.SCALABLE))
    assert users.settled('B')['status'] == 'ACTIVE'
    domain = users.probes.guest(users.uuids['B']).domain
    socket = libvirt.channel_socket(lab.paths, domain)
    assert socket.is_socket()
    users.delete('B')
    assert not socket.exists()
