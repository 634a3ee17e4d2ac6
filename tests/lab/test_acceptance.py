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
"""The acceptance cases A and N2, as far as two cores allow."""

import json

import pytest

from tests.lab import agreement
from tests.lab import guest
from tests.lab import rest
from tests.lab import servers

LIMITS = 'When scaling, cannot scale beyond limits!'


def shown(users: servers.Servers, name: str) -> object:
    """[minimum, current, maximum] as existing callers read it."""
    path = f'/servers/{users.uuids[name]}'
    answer = users.member.get('compute', path, wrs_header='true')
    return answer['server']['wrs-res:vcpus']


def assert_host(users: servers.Servers, **online: int) -> None:
    """Everything agrees, and each server uses this many vCPUs."""
    view = users.view()
    assert agreement.problems(view) == []
    found = {server.name: len(server.online) for server in view.servers}
    assert found == online


def test_scaling_within_bounds(users: servers.Servers, scalable: str) -> None:
    """A1, A2, the pausing part of A3, A4 and A5."""
    assert shown(users, scalable) == [1, 2, 2]
    users.scale(scalable, 'down')
    assert shown(users, scalable) == [1, 1, 2]
    assert_host(users, A=1)

    with pytest.raises(rest.HttpError, match=LIMITS) as refusal:
        users.scale(scalable, 'down')
    assert refusal.value.status == 400
    assert shown(users, scalable) == [1, 1, 2]

    for action, status in (('pause', 'PAUSED'), ('unpause', 'ACTIVE')):
        users.act(scalable, action)
        users.await_status(scalable, status)
    assert_host(users, A=1)

    users.scale(scalable, 'up')
    assert shown(users, scalable) == [1, 2, 2]
    assert_host(users, A=2)

    with pytest.raises(rest.HttpError, match=LIMITS):
        users.scale(scalable, 'up')
    assert_host(users, A=2)


def test_no_core_left(users: servers.Servers, scalable: str) -> None:
    """N2 and N3: another server has the core, then gives it back."""
    users.scale(scalable, 'down')
    users.boot('B', users.flavor('dedicated-1', 1, servers.DEDICATED))
    assert_host(users, A=1, B=1)

    with pytest.raises(
        rest.HttpError,
        match='Insufficient compute resources: no free pcpu available on ',
    ):
        users.scale(scalable, 'up')
    assert shown(users, scalable) == [1, 1, 2]
    assert_host(users, A=1, B=1)

    users.delete('B')
    users.scale(scalable, 'up')
    assert_host(users, A=2)


def test_guest_picks_an_offline_vcpu(
    users: servers.Servers, scalable: str
) -> None:
    """N4: the application's helper names a vCPU that does not exist."""
    domain = users.probes.guest(users.uuids[scalable])
    domain.install_script(guest.APP_SCALE_HELPER, 'exit 9')
    with pytest.raises(rest.HttpError) as refusal:
        users.scale(scalable, 'down')
    assert refusal.value.status == 400
    assert_host(users, A=2)


def test_the_applications_hooks(users: servers.Servers, scalable: str) -> None:
    """A refusal is read by whoever asked; an agreement hears of each step."""
    domain = users.probes.guest(users.uuids[scalable])
    hook = '/etc/nova-ext/scale.d/10-test'
    refusal = 'echo \'{"reason": "the workers are busy"}\''
    domain.install_script(hook, refusal, 'exit 1')
    with pytest.raises(rest.HttpError, match='the workers are busy'):
        users.scale(scalable, 'down')
    assert_host(users, A=2)

    domain.install_script(hook, 'read -r call', 'echo "$call" >> /root/calls')
    users.scale(scalable, 'down')
    assert_host(users, A=1)
    users.scale(scalable, 'up')
    assert_host(users, A=2)
    calls = map(json.loads, domain.run('cat /root/calls').splitlines())
    assert [(call['event'], call['cpu']) for call in calls] == [
        ('choose', None),
        ('offline', 1),
        ('online', 1),
    ]
