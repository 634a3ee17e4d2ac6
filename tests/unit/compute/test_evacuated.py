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

import datetime
from unittest import mock

from nova import objects
from nova.compute import power_state
import pytest

from nova_ext.compute import evacuated

BEFORE, AT = (datetime.datetime(2026, 1, 1, 0, 0, n) for n in (0, 1))


@pytest.fixture
def cloud(monkeypatch):
    """Return an evacuation from host1 to host2, whose server runs there."""
    cloud = mock.Mock(
        migration=mock.Mock(
            id=7,
            uuid='move',
            source_compute='host1',
            dest_compute='host2',
            dest_node='node2',
            created_at=AT,
            migration_type='evacuation',
            status='pre-migrating',
        ),
        instance=mock.Mock(
            uuid='server',
            host='host1',
            vm_state='active',
            task_state=None,
            launched_at=AT,
        ),
        tracker=mock.Mock(host='host2'),
    )
    cloud.instance.migration_context.migration_id = 7
    cloud.tracker.driver.instance_exists.return_value = True
    cloud.tracker.driver.get_info.return_value.state = power_state.RUNNING
    monkeypatch.setattr(
        objects.MigrationList,
        'get_by_filters',
        lambda context, filters: [cloud.migration],
    )
    monkeypatch.setattr(
        objects.Instance, 'get_by_uuid', lambda *_, **__: cloud.instance
    )
    return cloud


def finish(cloud):
    return evacuated.finish('ctxt', cloud.tracker, 'node2')


@pytest.mark.parametrize('task_state', [None, 'powering-off'])
def test_a_server_that_runs_here_is_taken_over(cloud, task_state, caplog):
    cloud.instance.task_state = task_state
    assert finish(cloud)
    cloud.tracker.finish_evacuation.assert_called_once_with(
        cloud.instance, 'node2', cloud.migration
    )
    assert cloud.instance.task_state is None
    assert cloud.instance.vm_state == 'active'
    assert (
        'Evacuation move from host1 was cut off when the server had been '
        'started here: it is finished now, and the server is active. If it '
        'was stopped before and runs, stop it again.'
    ) in caplog.text


def test_a_server_that_has_been_powered_off_is_stopped(cloud, caplog):
    cloud.instance.task_state = 'powering-off'
    cloud.tracker.driver.get_info.return_value.state = power_state.SHUTDOWN
    assert finish(cloud)
    assert cloud.instance.vm_state == 'stopped'
    assert cloud.instance.power_state == power_state.SHUTDOWN
    assert 'the server is stopped.' in caplog.text


@pytest.mark.parametrize(
    'what, attribute, value',
    [
        # It has not been started yet, or an operator has reset it.
        ('instance', 'task_state', 'rebuild_spawning'),
        ('instance', 'launched_at', BEFORE),
        ('instance', 'launched_at', None),
        # It is here already, or its old host has dropped the claim.
        ('instance', 'host', 'host2'),
        ('instance', 'migration_context', None),
        ('instance', 'migration_context', mock.Mock(migration_id=6)),
        # From here, or to another node.
        ('migration', 'dest_compute', 'host1'),
        ('migration', 'dest_node', 'node3'),
        # No evacuation, or one that has failed.
        ('migration', 'migration_type', 'migration'),
        ('migration', 'status', 'error'),
    ],
)
def test_other_servers_are_left_alone(cloud, what, attribute, value):
    setattr(getattr(cloud, what), attribute, value)
    assert not finish(cloud)
    cloud.tracker.finish_evacuation.assert_not_called()


def test_a_server_without_a_domain_is_left_alone(cloud):
    cloud.tracker.driver.instance_exists.return_value = False
    assert not finish(cloud)
    cloud.tracker.finish_evacuation.assert_not_called()


def test_a_failure_does_not_keep_nova_compute_from_starting(cloud, caplog):
    cloud.tracker.finish_evacuation.side_effect = RuntimeError
    assert not finish(cloud)
    assert 'move, which was cut off, could not be finished' in caplog.text
