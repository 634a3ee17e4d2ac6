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
"""What moves and their ends count for."""

from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.compute import resource_tracker
import pytest

from nova_ext.compute import evacuated
from tests.unit.compute import fakes

BASE = resource_tracker.ResourceTracker


@pytest.mark.parametrize(
    ('task_state', 'claim', 'status', 'counted'),
    [
        ('resize_prep', None, 'pre-migrating', False),
        ('resize_prep', 'claim', 'pre-migrating', True),
        ('resize_prep', 'claim', 'error', False),
        ('resize_migrated', None, 'error', True),
        ('rebuilding', None, 'pre-migrating', True),
        ('migrating', 'claim', 'running', True),
    ],
)
def test_a_server_that_scales_moves_nowhere(
    monkeypatch, tracker, task_state, claim, status, counted
):
    count = mock.Mock()
    monkeypatch.setattr(BASE, '_update_usage_from_migration', count)
    instance = mock.MagicMock(task_state=task_state, migration_context=claim)
    instance.__contains__.return_value = True
    migration = mock.MagicMock(status=status)
    migration.__contains__.return_value = True
    arguments = ('context', instance, migration, fakes.NODE)
    tracker._update_usage_from_migration(*arguments)
    assert count.mock_calls == [mock.call(*arguments)] * counted


@pytest.mark.parametrize(
    ('changes', 'started', 'counted'),
    [
        ({}, True, True),
        ({}, False, False),
        ({'dest_compute': 'host2'}, True, False),
        ({'instance_uuid': 'counted'}, True, False),
    ],
)
def test_an_evacuated_server_counts_until_it_is_taken_over(
    monkeypatch, tracker, changes, started, counted
):
    count = mock.Mock()
    monkeypatch.setattr(BASE, '_update_usage_from_migrations', mock.Mock())
    monkeypatch.setattr(BASE, '_update_usage_from_migration', count)
    monkeypatch.setattr(evacuated, 'is_started', lambda *args: started)
    tracker.tracked_migrations['counted'] = mock.Mock()
    migration = mock.Mock(
        dest_compute=fakes.HOST,
        instance_uuid=fakes.UUID,
        instance=mock.MagicMock(),
    )
    migration.configure_mock(**changes)
    tracker._update_usage_from_migrations('ctxt', [migration], fakes.NODE)
    wanted = mock.call('ctxt', migration.instance, migration, fakes.NODE)
    assert count.mock_calls == [wanted] * counted


def test_an_evacuated_server_that_is_gone(monkeypatch, tracker):
    monkeypatch.setattr(BASE, '_update_usage_from_migrations', mock.Mock())
    migration = mock.Mock(migration_type='evacuation', dest_compute=fakes.HOST)
    type(migration).instance = mock.PropertyMock(
        side_effect=nova_exception.InstanceNotFound(instance_id='gone')
    )
    tracker._update_usage_from_migrations('ctxt', [migration], fakes.NODE)


def test_an_audit_goes_on_where_an_evacuation_cannot_be_read(
    monkeypatch, tracker, caplog
):
    monkeypatch.setattr(BASE, '_update_usage_from_migrations', mock.Mock())
    found = mock.Mock(side_effect=[RuntimeError, False])
    monkeypatch.setattr(evacuated, 'is_started', found)
    migration = mock.Mock(instance_uuid='server', dest_compute=fakes.HOST)
    tracker._update_usage_from_migrations(
        'ctxt', [migration, migration], fakes.NODE
    )
    assert len(found.mock_calls) == 2
    assert 'Whether server server has been evacuated to this' in caplog.text


@pytest.fixture
def arriving(monkeypatch, tracker):
    """Return a server whose live migration here has dropped its claim."""
    claim = mock.Mock(migration_id=7)
    tracker.remember(mock.Mock(uuid=fakes.UUID, migration_context=claim))
    monkeypatch.setattr(BASE, '_update_usage_from_migration', mock.Mock())
    monkeypatch.setattr(BASE, 'drop_move_claim', mock.Mock())
    return mock.MagicMock(
        uuid=fakes.UUID,
        task_state='migrating',
        migration_context=None,
        claim=claim,
    )


def count(tracker, instance, number=7):
    migration = mock.Mock(id=number, instance_uuid=fakes.UUID)
    tracker._update_usage_from_migration(
        'ctxt', instance, migration, fakes.NODE
    )
    return instance.migration_context


def test_a_claim_counts_until_the_server_is_here(tracker, arriving):
    assert count(tracker, arriving) is arriving.claim


def test_that_of_another_migration_does_not(tracker, arriving):
    assert count(tracker, arriving, 8) is None


def test_one_that_was_taken_back_does_not(tracker, arriving):
    tracker.drop_move_claim('ctxt', arriving, fakes.NODE, flavor='flavor')
    BASE.drop_move_claim.assert_called_once_with(
        'ctxt', arriving, fakes.NODE, flavor='flavor'
    )
    assert count(tracker, arriving) is None


def test_one_of_a_server_that_has_arrived_does_not(tracker, arriving):
    tracker.settle_pins(fakes.instance(migration_context=None))
    assert count(tracker, arriving) is None


@pytest.fixture
def reverting(monkeypatch):
    """Return a migration as it is sent to the new host."""

    def drop(tracker, context, instance, migration):
        assert migration.dest_node == fakes.NODE
        migration.status = 'reverted'
        migration.save()

    monkeypatch.setattr(BASE, 'drop_move_claim_at_dest', drop)
    made = objects.Migration(
        source_compute='host2',
        dest_compute=fakes.HOST,
        dest_node=fakes.NODE,
        status='reverting',
        cross_cell_move=False,
    )
    made.obj_reset_changes()
    made.save = mock.Mock()
    return made


def test_a_revert_goes_on_until_the_old_host_ends_it(tracker, reverting):
    """What the old host is sent has ended."""
    tracker.drop_move_claim_at_dest('ctxt', 'server', reverting)
    assert reverting.status == 'reverted'
    assert reverting.obj_what_changed() == set()
    reverting.save.assert_not_called()


def test_the_old_host_ends_it(monkeypatch, tracker):
    saved = mock.Mock(status='reverting')
    monkeypatch.setattr(
        objects.Migration, 'get_by_id', lambda context, number: saved
    )
    tracker.finish_revert('ctxt', mock.Mock(status='reverted'))
    assert saved.status == 'reverted'
    saved.save.assert_called_once_with()


@pytest.mark.parametrize(
    ('attribute', 'value'),
    [('cross_cell_move', True), ('source_compute', fakes.HOST)],
)
def test_other_reverts_are_novas_business(
    tracker, reverting, attribute, value
):
    setattr(reverting, attribute, value)
    tracker.drop_move_claim_at_dest('ctxt', 'server', reverting)
    assert reverting.status == 'reverted'
    reverting.save.assert_called_once_with()
