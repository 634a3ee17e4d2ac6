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
"""Live migration between two compute hosts, with the guest's own view."""

import collections.abc

import pytest

from tests.lab import agreement
from tests.lab import libvirt
from tests.lab import namespace
from tests.lab import openstack
from tests.lab import rest
from tests.lab import second_host
from tests.lab import servers

FIRST, SECOND = namespace.HOST_NAME, namespace.SECOND_HOST_NAME

#: Seconds for one move; the memory goes through an emulated machine.
MOVE = 120


@pytest.fixture
def server(
    lab: openstack.Lab, users: servers.Servers, scalable: str
) -> collections.abc.Iterator[str]:
    """A server on the first host, and another host, for this file alone."""
    with second_host.running(lab):
        yield scalable
        # The host takes nothing of a server with it.
        users.remove_all()
    # A host frees what came by live migration at its next audit: it is then
    # that Nova's tracker takes such a server for one of its own.
    rest.wait_for('the cores free', lambda: not users.probes.pinned(), 90, 1)


def move(users: servers.Servers, host: str) -> None:
    """Migrate, and wait until the server runs at the destination."""
    path = f'/servers/{users.uuids["A"]}/action'
    body = {'os-migrateLive': {'host': host, 'block_migration': 'auto'}}
    users.admin.post('compute', path, body, **servers.MICROVERSION)

    def moved() -> bool:
        server = users.show('A')
        assert server['status'] in ('ACTIVE', 'MIGRATING'), server
        there = users.probes.host_of(users.uuids['A']) == host
        return there and server['OS-EXT-STS:task_state'] is None

    rest.wait_for(f'A on {host}', moved, MOVE, 0.5)


def sockets(lab: openstack.Lab, domain: str) -> list[str]:
    """The hosts on which a guest's channel ends."""
    return [
        host
        for host, part in namespace.PARTS.items()
        if libvirt.channel_socket(lab.paths.of_host(part), domain).exists()
    ]


def assert_on(
    lab: openstack.Lab, users: servers.Servers, host: str, online: str
) -> None:
    """The server is on a host alone, all agrees, and nothing elsewhere."""
    (other,) = {FIRST, SECOND} - {host}
    guest = users.probes.guest(users.uuids['A'])
    assert guest.online() == online
    assert sockets(lab, guest.domain) == [host]
    seen: list[object] = []

    def agreed() -> bool:
        seen[:] = [
            agreement.problems(users.view(host)),
            users.view(other).pinned,
        ]
        return seen == [[], frozenset()]

    try:
        rest.wait_for('agreement', agreed, 30)
    finally:
        print(seen, users.view(host))
    assert [one.name for one in users.view(host).servers] == ['A']


def test_there_and_back(
    lab: openstack.Lab, users: servers.Servers, server: str
) -> None:
    """Scaled down both ways; each host's channel reaches the guest there."""
    boot = users.probes.guest(users.uuids[server]).boot_id()
    users.scale(server, 'down')
    assert_on(lab, users, FIRST, '0')
    move(users, SECOND)
    assert_on(lab, users, SECOND, '0')

    users.scale(server, 'up')
    assert_on(lab, users, SECOND, '0-1')
    users.scale(server, 'down')
    move(users, FIRST)
    assert_on(lab, users, FIRST, '0')
    assert users.scaling(server)['offline'] == [1]
    assert users.probes.guest(users.uuids[server]).boot_id() == boot

    users.scale(server, 'up')
    assert_on(lab, users, FIRST, '0-1')
