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
"""What users see and may do."""

import json

import pytest

from tests.lab import openstack
from tests.lab import provision
from tests.lab import rest
from tests.lab import servers


@pytest.fixture
def path(users: servers.Servers, scalable: str) -> str:
    """The path of a scalable server's scaling."""
    return f'/servers/{users.uuids[scalable]}/vcpu-scale'


def test_commands_plan_scale_and_show(
    users: servers.Servers, scalable: str
) -> None:
    words = ('server', 'scale', 'set', '--online', '1', '-f', 'json')
    plan = users.cli(*words, '--dry-run', scalable)
    assert plan.status == 0, plan.errors
    assert json.loads(plan.output)['target'] == 1
    assert len(users.view().server(scalable).online) == 2

    done = users.cli(*words, '--wait', scalable)
    assert done.status == 0, done.errors
    assert json.loads(done.output)['current'] == 1
    assert len(users.view().server(scalable).online) == 1

    shown = users.cli('server', 'scale', 'show', '-f', 'value', scalable)
    assert 'done' in shown.output.splitlines(), shown

    events = users.cli('server', 'event', 'list', '-f', 'json', scalable)
    actions = {event['Action'] for event in json.loads(events.output)}
    assert any('scale' in action for action in actions), actions


def test_another_project_sees_nothing(lab: openstack.Lab, path: str) -> None:
    other = provision.member(
        lab.running_settings(),
        provision.OTHER_USER,
        provision.OTHER_PROJECT,
    )
    with pytest.raises(rest.HttpError) as refusal:
        other.get('compute', path)
    assert refusal.value.status == 404
    with pytest.raises(rest.HttpError) as refusal:
        other.put('compute', path, {'vcpu_scale': {'online': 1}})
    assert refusal.value.status == 404


def test_a_locked_server_is_respected(
    users: servers.Servers, scalable: str, path: str
) -> None:
    action = f'/servers/{users.uuids[scalable]}/action'
    users.member.post('compute', action, {'lock': None})
    with pytest.raises(rest.HttpError, match='locked') as refusal:
        users.member.put('compute', path, {'vcpu_scale': {'online': 1}})
    assert refusal.value.status == 409
    assert len(users.view().server(scalable).online) == 2
