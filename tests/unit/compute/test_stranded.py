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
"""What a move that was cut off has left in placement."""

from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.scheduler.client import report
import pytest

from nova_ext.compute import stranded

NODE = mock.Mock(uuid='node1', host='host1')
SCALABLE = {'hw:cpu_policy': 'dedicated', 'hw:wrs:min_vcpus': '1'}


@pytest.fixture
def cloud(monkeypatch):
    """Return a migration from host1 to host2, its server and placement."""
    cloud = mock.Mock(
        migration=mock.Mock(
            uuid='move', source_compute='host1', dest_compute='host2'
        ),
        instance=mock.Mock(
            uuid='server', host='host1', vm_state='active', task_state=None
        ),
    )
    cloud.instance.flavor.extra_specs = SCALABLE
    placement = mock.create_autospec(report.SchedulerReportClient)
    placement.get_allocations_for_resource_provider.return_value = (
        report.ProviderAllocInfo({'move': {}, 'here': {}})
    )
    cloud.placement = placement

    def get_migration(context, uuid):
        if uuid != 'move':
            raise nova_exception.MigrationNotFound(migration_id=uuid)
        return cloud.migration

    monkeypatch.setattr(objects.Migration, 'get_by_uuid', get_migration)
    monkeypatch.setattr(
        objects.Instance, 'get_by_uuid', lambda *_, **__: cloud.instance
    )
    return cloud


def settle(cloud, known=('here',)):
    stranded.settle('ctxt', cloud.placement, NODE, known)


def test_a_server_that_did_not_leave_gets_its_allocation_back(cloud):
    settle(cloud)
    cloud.placement.move_allocations.assert_called_once_with(
        'ctxt', 'move', 'server'
    )
    cloud.placement.delete_allocation_for_instance.assert_not_called()


@pytest.mark.parametrize(
    ('host', 'dest', 'status'),
    [('host2', 'host2', 'running'), ('host1', 'host1', 'confirmed')],
    ids=['elsewhere', 'resized where it was'],
)
def test_a_server_that_has_arrived_needs_it_no_more(cloud, host, dest, status):
    cloud.instance.host = host
    cloud.migration.configure_mock(dest_compute=dest, status=status)
    settle(cloud)
    cloud.placement.delete_allocation_for_instance.assert_called_once_with(
        'ctxt', 'move', consumer_type='migration'
    )
    cloud.placement.move_allocations.assert_not_called()


@pytest.mark.parametrize(
    ('kind', 'host', 'deleted'),
    [
        ('live-migration', 'host2', 1),
        ('live-migration', 'host1', 0),
        ('migration', 'host2', 0),
    ],
)
def test_a_live_migration_has_no_way_back(cloud, kind, host, deleted):
    cloud.migration.migration_type = kind
    cloud.instance.host = host
    cloud.instance.vm_state = 'error'
    settle(cloud)
    found = cloud.placement.delete_allocation_for_instance.mock_calls
    assert len(found) == deleted
    cloud.placement.move_allocations.assert_not_called()


@pytest.mark.parametrize(
    'what, attribute, value',
    [
        ('instance', 'task_state', 'migrating'),
        ('instance', 'vm_state', 'resized'),
        ('instance', 'vm_state', 'error'),
        ('migration', 'source_compute', 'host2'),
        ('instance', 'flavor', mock.Mock(extra_specs={})),
    ],
)
def test_what_may_still_go_on_is_left_alone(cloud, what, attribute, value):
    setattr(getattr(cloud, what), attribute, value)
    settle(cloud)
    cloud.placement.move_allocations.assert_not_called()
    cloud.placement.delete_allocation_for_instance.assert_not_called()


def test_other_consumers_are_nothing_of_ours(cloud):
    """A server that an audit does not know may be new here."""
    cloud.placement.get_allocations_for_resource_provider.return_value = (
        report.ProviderAllocInfo({'new': {}})
    )
    settle(cloud)
    cloud.placement.move_allocations.assert_not_called()


def test_servers_here_are_not_looked_up(cloud, monkeypatch):
    monkeypatch.setattr(objects.Migration, 'get_by_uuid', None)
    settle(cloud, known=('here', 'move'))
