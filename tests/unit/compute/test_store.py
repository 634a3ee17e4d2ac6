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
def layout(instance):
    return topology.layout_of(instance.numa_topology).without(1)


def kept(instance):
    """Return the record, after a look at what is not ours."""
    metadata = dict(instance.system_metadata)
    assert metadata.pop('image_os_distro') == 'debian'
    assert all(key.startswith('nova_ext_') for key in metadata)
    return ScaleRecord.from_metadata(metadata)


def test_a_server_is_claimed_if_nothing_runs_on_it(saves, instance):
    store.InstanceStore(instance).begin(RECORD)
    ((expected, changed),) = saves
    assert expected == {
        'expected_vm_state': ['active'],
        'expected_task_state': [None],
    }
    assert changed == {'system_metadata', 'task_state'}
    assert instance.task_state == 'resize_prep'
    assert kept(instance) == RECORD
    assert instance.numa_topology.cpu_pinning == {10, 11}


def test_pins_and_record_are_saved_at_once(saves, instance, layout):
    store.InstanceStore(instance).switch(layout, RECORD)
    ((expected, changed),) = saves
    assert expected == {'expected_task_state': ['resize_prep']}
    assert changed == {'system_metadata', 'numa_topology'}
    assert instance.numa_topology.cpu_pinning == {10}
    assert kept(instance) == RECORD


def test_the_end_gives_the_server_free(saves, instance, layout):
    instance.task_state = 'resize_prep'
    instance.obj_reset_changes()
    store.InstanceStore(instance).finish(ScaleRecord(), layout)
    ((expected, changed),) = saves
    assert expected == {'expected_task_state': ['resize_prep']}
    assert changed == {'system_metadata', 'numa_topology', 'task_state'}
    assert instance.task_state is None
    assert kept(instance) == ScaleRecord()


@pytest.mark.parametrize(
    'message, withdrawn', [(None, False), ('Error', True), ('', False)]
)
def test_nova_api_withdraws_by_an_event(
    monkeypatch, instance, message, withdrawn
):
    def find(context, uuid, request_id):
        assert (context, uuid) == (instance._context, instance.uuid)
        assert request_id == 'req-1'
        return objects.InstanceAction(message=message)

    monkeypatch.setattr(objects.InstanceAction, 'get_by_request_id', find)
    found = store.InstanceStore(instance).is_withdrawn('req-1')
    assert found is withdrawn


def test_a_request_without_an_action_is_not_withdrawn(monkeypatch, instance):
    monkeypatch.setattr(
        objects.InstanceAction, 'get_by_request_id', lambda *_: None
    )
    assert not store.InstanceStore(instance).is_withdrawn('req-1')


def test_a_note_leaves_pins_and_task_alone(saves, instance):
    store.InstanceStore(instance).note(RECORD)
    assert saves == [
        ({'expected_task_state': [None]}, {'system_metadata'}),
    ]


def test_a_server_that_nobody_works_on_is_claimed_again(saves, instance):
    store.InstanceStore(instance).reclaim(RECORD)
    assert saves == [
        (
            {'expected_task_state': [None, 'resize_prep']},
            {'system_metadata', 'task_state'},
        ),
    ]
    assert kept(instance) == RECORD


def test_a_server_without_pins_keeps_its_topology(saves):
    instance = fakes.instance(numa_topology=None)
    layout = topology.layout_of(None)
    store.InstanceStore(instance).finish(ScaleRecord(), layout)
    assert instance.numa_topology is None


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


@pytest.mark.parametrize('error', CONFLICTS, ids=lambda e: type(e).__name__)
def test_another_operation_was_first(saves, instance, layout, error):
    saves.errors = [error] * 5
    port = store.InstanceStore(instance)
    with pytest.raises(exception.ServerBusy, match=fakes.UUID):
        port.begin(RECORD)
    for save in (
        lambda: port.switch(layout, RECORD),
        lambda: port.finish(RECORD, layout),
        lambda: port.note(RECORD),
        lambda: port.reclaim(RECORD),
    ):
        with pytest.raises(
            exception.Interrupted, match='ended by another operation'
        ):
            save()


def test_a_conductor_that_is_away(saves, instance, layout):
    saves.errors = [TimeoutError('no reply')] * 2
    port = store.InstanceStore(instance)
    with pytest.raises(
        exception.SavingFailed,
        match='could not be saved .TimeoutError.: check that '
        'nova-conductor answers',
    ):
        port.begin(RECORD)
    with pytest.raises(exception.SavingFailed):
        port.switch(layout, RECORD)
