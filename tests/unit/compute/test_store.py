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
"""What is saved of an instance, and under which condition."""

from nova import exception as nova_exception
from nova import objects
import pytest

from nova_ext import exception
from nova_ext.compute import store
from nova_ext.compute import topology
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from tests.unit.compute import fakes

RECORD = ScaleRecord(frozenset({1}), Journal('down', 1))
METADATA = {'image_os_distro': 'debian', 'nova_ext_last': '{"old": 1}'}


@pytest.fixture
def instance():
    return fakes.instance(system_metadata=dict(METADATA))


@pytest.fixture
def claimed():
    """Return the uuids of the servers that this nova-compute has claimed."""
    return set()


@pytest.fixture
def port(row, instance, claimed):
    """Return the port of an instance without task."""
    row.update(vm_state='active', task_state=None)
    return store.InstanceStore(instance, claimed)


@pytest.fixture
def hold(port, row, instance, claimed):
    """Return how to claim the instance, as far as the database knows."""

    def hold():
        instance.task_state = row['task_state'] = 'resize_prep'
        instance.obj_reset_changes()
        claimed.add(fakes.UUID)

    hold()
    return hold


@pytest.fixture
def layout(instance):
    return topology.layout_of(instance.numa_topology).without(1)


def kept(instance):
    """Return the record, after a look at what is not ours."""
    metadata = dict(instance.system_metadata)
    assert metadata.pop('image_os_distro') == 'debian'
    assert all(key.startswith('nova_ext_') for key in metadata)
    return ScaleRecord.from_metadata(metadata)


def test_a_server_is_claimed_if_nothing_runs_on_it(
    saves, instance, port, claimed
):
    port.begin(RECORD)
    ((expected, changed),) = saves
    assert expected == {
        'expected_vm_state': ['active'],
        'expected_task_state': [None],
    }
    assert changed == {'system_metadata', 'task_state'}
    assert instance.task_state == 'resize_prep'
    assert claimed == {fakes.UUID}
    assert kept(instance) == RECORD
    assert instance.numa_topology.cpu_pinning == {10, 11}


def test_pins_and_record_are_saved_at_once(
    saves, instance, layout, hold, port
):
    port.switch(layout, RECORD)
    ((expected, changed),) = saves
    assert expected == {'expected_task_state': ['resize_prep']}
    assert changed == {'system_metadata', 'numa_topology'}
    assert instance.numa_topology.cpu_pinning == {10}
    assert kept(instance) == RECORD


def test_the_end_gives_the_server_free(saves, layout, instance, hold, port):
    port.finish(ScaleRecord(), layout)
    ((expected, changed),) = saves
    assert expected == {'expected_task_state': ['resize_prep']}
    assert changed == {'system_metadata', 'numa_topology', 'task_state'}
    assert instance.task_state is None
    assert kept(instance) == ScaleRecord()


@pytest.mark.parametrize(
    'message, withdrawn', [(None, False), ('Error', True), ('', False)]
)
def test_nova_api_withdraws_by_an_event(
    monkeypatch, instance, port, message, withdrawn
):
    def find(context, uuid, request_id):
        assert (context, uuid) == (instance._context, instance.uuid)
        assert request_id == 'req-1'
        return objects.InstanceAction(message=message)

    monkeypatch.setattr(objects.InstanceAction, 'get_by_request_id', find)
    found = port.is_withdrawn('req-1')
    assert found is withdrawn


def test_a_request_without_an_action_is_not_withdrawn(monkeypatch, port):
    monkeypatch.setattr(
        objects.InstanceAction, 'get_by_request_id', lambda *_: None
    )
    assert not port.is_withdrawn('req-1')


def test_a_note_leaves_pins_and_task_alone(saves, port):
    port.note(RECORD)
    assert saves == [
        ({'expected_task_state': [None]}, {'system_metadata'}),
    ]


def test_a_server_that_nobody_works_on_is_claimed_again(saves, instance, port):
    port.reclaim(RECORD)
    assert saves == [
        (
            {'expected_task_state': [None]},
            {'system_metadata', 'task_state'},
        ),
    ]
    assert kept(instance) == RECORD


CONFLICTS = [
    nova_exception.UnexpectedTaskStateError(
        instance_uuid=fakes.UUID,
        expected={'task_state': [None]},
        actual={'task_state': 'deleting'},
    ),
    nova_exception.InstanceUpdateConflict(
        instance_uuid=fakes.UUID,
        expected={'vm_state': ['active']},
        actual={'vm_state': 'paused'},
    ),
    nova_exception.UnexpectedDeletingTaskStateError(
        instance_uuid=fakes.UUID,
        expected={'task_state': ['resize_prep']},
        actual={'task_state': 'deleting'},
    ),
    nova_exception.InstanceNotFound(instance_id=fakes.UUID),
]

OURS = {'task_state': 'resize_prep', 'vm_state': 'active'}
JOURNALLED = RECORD.to_metadata()


@pytest.mark.parametrize(
    ('state', 'metadata', 'known', 'taken'),
    [
        ({}, JOURNALLED, True, True),
        # Nova's own resizes begin with that task state, too,
        ({}, JOURNALLED, False, False),
        ({'vm_state': 'stopped'}, JOURNALLED, False, False),
        # and none of its claims is saved without a journal.
        ({}, {}, True, False),
        # But Nova resizes nothing in these states.
        ({'vm_state': 'error'}, JOURNALLED, False, True),
        ({'vm_state': 'paused'}, JOURNALLED, False, True),
        ({'task_state': 'rebuilding'}, JOURNALLED, True, False),
    ],
)
def test_only_a_claim_of_its_own_is_taken_up_again(
    saves, row, claimed, state, metadata, known, taken
):
    row.update({**OURS, **state})
    instance = fakes.instance(system_metadata=dict(metadata), **row)
    claimed.update({fakes.UUID} if known else ())
    port = store.InstanceStore(instance, claimed)
    if taken:
        port.reclaim(RECORD)
        assert claimed == {fakes.UUID}
        return
    with pytest.raises(exception.Interrupted, match=row['task_state']):
        port.reclaim(RECORD)
    assert saves == []
    assert claimed == set()


def test_who_comes_second_leaves_a_claim_as_it_is(row, port, claimed):
    row['task_state'] = 'resize_prep'
    for found in (set(), {fakes.UUID}):
        claimed |= found
        with pytest.raises(exception.ServerBusy, match='resize_prep'):
            port.begin(RECORD)
        assert claimed == found


def test_an_end_that_may_not_be_saved_keeps_the_claim(
    saves, layout, hold, port, claimed
):
    saves.errors = [TimeoutError('no reply')]
    with pytest.raises(exception.SavingFailed):
        port.finish(RECORD, layout)
    assert claimed == {fakes.UUID}
    hold()
    port.finish(RECORD, layout)
    assert claimed == set()


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'host': 'other'}, 'it is on host other now'),
        ({'task_state': 'rebuilding'}, 'its task state is rebuilding'),
        ({'error': CONFLICTS[-1]}, fakes.UUID),
    ],
    ids=['host', 'task', 'deleted'],
)
def test_nothing_is_saved_of_a_server_that_is_not_as_expected(
    saves, layout, hold, port, row, claimed, changes, text
):
    """Nova saves pins before it compares the task state."""
    row.update(changes)
    for save in (
        lambda: port.switch(layout, RECORD),
        lambda: port.finish(RECORD, layout),
        lambda: port.reclaim(RECORD),
        lambda: port.note(RECORD),
        lambda: port.begin(RECORD),
    ):
        with pytest.raises(
            (exception.Interrupted, exception.ServerBusy), match=text
        ):
            save()
    assert saves == []
    assert claimed == set()


def test_a_server_that_is_not_active_is_not_claimed(saves, row, port, claimed):
    row['vm_state'] = 'paused'
    with pytest.raises(exception.ServerBusy, match='its state is paused'):
        port.begin(RECORD)
    assert saves == []
    assert claimed == set()


def test_only_a_switch_and_the_end_save_pins(
    saves, instance, layout, port, row
):
    """A loaded topology counts as changed."""
    for save in (
        lambda: port.begin(RECORD),
        lambda: port.switch(layout, RECORD),
        lambda: port.finish(RECORD, layout),
        lambda: port.reclaim(RECORD),
        lambda: port.finish(RECORD, layout),
        lambda: port.note(RECORD),
    ):
        instance.numa_topology._changed_fields.add('cells')
        save()
    assert ['numa_topology' in fields for _, fields in saves] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]


def test_a_server_without_pins_keeps_its_topology(saves, row):
    instance = fakes.instance(numa_topology=None)
    layout = topology.layout_of(None)
    row['task_state'] = 'resize_prep'
    port = store.InstanceStore(instance, set())
    port.finish(ScaleRecord(), layout)
    assert instance.numa_topology is None


@pytest.mark.parametrize('error', CONFLICTS, ids=lambda e: type(e).__name__)
def test_another_operation_was_first(saves, port, layout, row, error):
    saves.errors = [error] * 5
    with pytest.raises(exception.ServerBusy, match=fakes.UUID):
        port.begin(RECORD)
    for task_state, save in (
        ('resize_prep', lambda: port.switch(layout, RECORD)),
        ('resize_prep', lambda: port.finish(RECORD, layout)),
        (None, lambda: port.note(RECORD)),
        (None, lambda: port.reclaim(RECORD)),
    ):
        row['task_state'] = task_state
        with pytest.raises(
            exception.Interrupted, match='ended by another operation'
        ):
            save()


def test_a_conductor_that_is_away(saves, layout, row, hold, port, claimed):
    saves.errors = [TimeoutError('no reply')] * 2
    row['task_state'] = None
    with pytest.raises(
        exception.SavingFailed,
        match='could not be saved .TimeoutError.: check that '
        'nova-conductor answers',
    ):
        port.begin(RECORD)
    # It may have been saved.
    assert claimed == {fakes.UUID}
    hold()
    with pytest.raises(exception.SavingFailed):
        port.switch(layout, RECORD)
