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
"""SIGKILL of nova-compute and of libvirtd in the middle of a scale request.

No hook in the product stops it at a step: the guest, or a service that the
next step needs, is slowed down instead.
"""

import collections.abc
import contextlib
import signal

import pytest

from tests.lab import agreement
from tests.lab import guest
from tests.lab import libvirt
from tests.lab import nova
from tests.lab import openstack
from tests.lab import rest
from tests.lab import servers

#: Seconds that the guest thinks before it takes a vCPU offline.
THINKING = 4


@contextlib.contextmanager
def frozen(lab: openstack.Lab, service: str) -> collections.abc.Iterator[None]:
    """Let a service stand still."""
    lab.control.send_signal(service, signal.SIGSTOP)
    try:
        yield
    finally:
        lab.control.send_signal(service, signal.SIGCONT)


@pytest.fixture
def compute(
    lab: openstack.Lab,
) -> collections.abc.Iterator[collections.abc.Callable[[], None]]:
    """Kills nova-compute; it is started again at the latest afterwards."""
    service = nova.daemon(lab.paths, 'nova-compute', lab.compute_up)

    def kill() -> None:
        lab.control.stop('nova-compute', signal.SIGKILL)

    yield kill
    if lab.control.services()['nova-compute']['status'] is not None:
        lab.control.start(service)


def restart(lab: openstack.Lab) -> None:
    """Start nova-compute again."""
    lab.control.start(nova.daemon(lab.paths, 'nova-compute', lab.compute_up))


def await_recovery(users: servers.Servers) -> None:
    """Wait until all agrees again, and the user knows how it went."""

    def recovered() -> bool:
        server = users.show('A')
        busy = server['OS-EXT-STS:task_state'] is not None
        if busy or users.last_request('A')['state'] == 'in progress':
            return False
        return not agreement.problems(users.view())

    try:
        rest.wait_for('recovery', recovered, 90, 1)
    finally:
        print(users.last_request('A'), users.view())
    last = users.last_request('A')
    assert last['state'] in ('done', 'failed'), last
    assert last['state'] == 'done' or last['reason'], last


def test_after_the_guest_went_offline(
    lab: openstack.Lab,
    users: servers.Servers,
    scalable: str,
    compute: collections.abc.Callable[[], None],
) -> None:
    domain = users.probes.guest(users.uuids[scalable])
    domain.install_script(
        guest.APP_SCALE_HELPER, f'sleep {THINKING}', 'exit 1'
    )
    users.request('A', 1)
    with frozen(lab, 'nova-compute'):
        assert domain.online() == '0-1'
        rest.wait_for('vCPU 1 offline', lambda: domain.online() == '0', 30)
        compute()
    domain.run(f'rm {guest.APP_SCALE_HELPER}')
    restart(lab)
    await_recovery(users)
    scale_both_ways(users)


def test_after_placement_was_raised(
    lab: openstack.Lab,
    users: servers.Servers,
    scalable: str,
    compute: collections.abc.Callable[[], None],
) -> None:
    uuid = users.uuids[scalable]
    users.scale(scalable, 'down')
    domain = users.probes.guest(uuid)
    with frozen(lab, 'placement'):
        users.request('A', 2)
        lab.control.send_signal('nova-conductor', signal.SIGSTOP)
    try:
        rest.wait_for(
            'placement raised',
            lambda: users.probes.allocation(uuid) == 2,
            60,
        )
        assert domain.online() == '0'
        compute()
    finally:
        lab.control.send_signal('nova-conductor', signal.SIGCONT)
    restart(lab)
    await_recovery(users)
    scale_both_ways(users)


def test_libvirtd_dies_while_the_guest_thinks(
    lab: openstack.Lab, users: servers.Servers, scalable: str
) -> None:
    """The guest goes offline, and nobody can pin its thread."""
    domain = users.probes.guest(users.uuids[scalable])
    domain.install_script(
        guest.APP_SCALE_HELPER, f'sleep {THINKING}', 'exit 1'
    )
    assert domain.online() == '0-1'
    users.request('A', 1)
    lab.control.stop('libvirtd', signal.SIGKILL)
    try:
        assert users.last_request('A')['state'] == 'in progress'
        rest.wait_for(
            'the end of the request',
            lambda: users.last_request('A')['state'] != 'in progress',
            60,
        )
    finally:
        lab.control.start(libvirt.service(lab.paths, lab.running_settings()))
    await_recovery(users)
    last = users.last_request('A')
    assert last['state'] == 'failed', last
    assert domain.online() == '0-1'
    rest.wait_for('the host enabled again', lambda: enabled(users), 60)
    scale_both_ways(users)


def enabled(users: servers.Servers) -> bool:
    """Whether all compute hosts take servers: Nova disables some itself."""
    path = '/os-services?binary=nova-compute'
    found = users.admin.get('compute', path)['services']
    return all(one['status'] == 'enabled' for one in found)


def scale_both_ways(users: servers.Servers) -> None:
    """The server scales as if nothing had happened."""
    for online in (1, 2):
        users.request('A', online)

        def done(wanted: int = online) -> bool:
            last = users.last_request('A')
            return [last['state'], last['target']] == ['done', wanted]

        rest.wait_for(f'{online} vCPUs online', done, 60)
        view = users.view()
        assert agreement.problems(view) == []
        assert len(view.server('A').online) == online
