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
"""What was switched last is put back where something has overwritten it."""

import dataclasses
from unittest import mock

from nova import exception as nova_exception
from nova import objects
import pytest

from nova_ext.compute import cores_tracker as trackers
from nova_ext.model.record import Journal
from nova_ext.model.record import LastRequest
from nova_ext.model.record import ScaleRecord
from tests.unit.compute import fakes
from tests.unit.compute.fakes import is_locked


def parked():
    """Return an instance that is saved with vCPU 1 parked."""
    return fakes.instance(
        fakes.cell({0: 0, 1: 0}), system_metadata={'nova_ext_offline': '0x2'}
    )


@pytest.fixture
def tracker():
    return trackers.CoresTracker(
        fakes.HOST, mock.Mock(), reportclient=mock.Mock()
    )


@pytest.fixture
def switched(tracker):
    """Return a tracker that has switched an instance to that."""
    instance = parked()
    tracker._switched[fakes.UUID] = trackers.Switched.of(
        instance, instance.numa_topology
    )
    return tracker


@pytest.mark.parametrize(
    'overwritten',
    [
        {'system_metadata': {'nova_ext_offline': '0x2', 'other': 'kept'}},
        {'system_metadata': {'other': 'kept'}},
    ],
)
def test_what_was_overwritten_is_put_back(switched, saves, row, overwritten):
    """An operation had read the server before the scale request."""
    stale = fakes.instance(fakes.cell({0: 0, 1: 1}), **overwritten)
    row.update(saved_as(stale), task_state='powering-off')
    switched.restore(stale)
    assert [expected for expected, _ in saves] == [
        {'expected_task_state': ['powering-off']}
    ]
    assert stale.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 0}
    assert stale.system_metadata == {
        'nova_ext_offline': '0x2',
        'other': 'kept',
    }
    assert 'numa_topology' not in stale.obj_what_changed()
    switched.restore(stale)
    assert len(saves) == 1


def test_who_only_looks_saves_nothing(switched, saves):
    stale = fakes.instance(fakes.cell({0: 0, 1: 1}))
    switched.restore(stale, may_save=False)
    assert saves == []
    assert stale.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 0}
    assert stale.system_metadata == {'nova_ext_offline': '0x2'}


def test_a_copy_that_was_read_before_the_switch_is_only_corrected(
    switched, saves, row
):
    """A request works on the server; its journal is not to be overwritten."""
    now = in_progress()
    row.update(saved_as(now))
    stale = fakes.instance(
        fakes.cell({0: 0, 1: 1}), system_metadata={'other': 'unsaved'}
    )
    switched.restore(stale)
    assert saves == []
    assert stale.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 0}
    assert stale.system_metadata == {**now.system_metadata, 'other': 'unsaved'}


def test_what_is_put_back_is_read_while_no_core_changes_owners(
    monkeypatch, switched, saves
):
    locked = []

    def read(context, uuid, expected_attrs):
        locked.append(is_locked())
        return parked()

    monkeypatch.setattr(objects.Instance, 'get_by_uuid', read)
    switched.restore(fakes.instance(fakes.cell({0: 0, 1: 1})))
    assert locked == [True]


@pytest.mark.parametrize(
    'left',
    [
        {'host': 'other'},
        {'error': nova_exception.InstanceNotFound(instance_id=fakes.UUID)},
    ],
    ids=['evacuated', 'deleted'],
)
def test_nothing_is_put_back_into_a_server_that_has_left(
    switched, saves, row, left
):
    stale = fakes.instance(fakes.cell({0: 0, 1: 1}))
    row.update(left)
    switched.restore(stale)
    assert saves == []
    assert stale.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 1}


def saved_as(instance):
    """Return what a fresh read of an instance finds."""
    return {
        'numa_topology': instance.numa_topology.obj_clone(),
        'system_metadata': dict(instance.system_metadata),
    }


def in_progress(request='req-1'):
    """Return a server whose request has saved its step, and not its end."""
    last = LastRequest(request, 'down', 1, 2, 'in progress', '', 'then')
    record = ScaleRecord(frozenset({1}), Journal('down', 1), last)
    return fakes.instance(
        fakes.cell({0: 0, 1: 0}), system_metadata=record.to_metadata()
    )


def ended(journal=None):
    """Return how that request ended, with both vCPUs online."""
    last = LastRequest('req-1', 'down', 1, 2, 'failed', 'away', 'now')
    return ScaleRecord(journal=journal, last=last)


@pytest.mark.parametrize(
    ('left', 'wanted'),
    [
        (None, Journal('down')),
        (Journal('up', 1, undo=True), Journal('up', 1, undo=True)),
        # Its claim has to be ended, too.
        (Journal('down', 1, guest_only=True), Journal('down', 1)),
    ],
)
def test_an_end_that_could_not_be_saved_is_saved_later(
    tracker, saves, row, left, wanted
):
    topology = fakes.instance(fakes.cell({0: 0, 1: 1})).numa_topology
    tracker.keep(fakes.UUID, topology, ended(left))
    found = in_progress()
    row.update(saved_as(found))
    tracker.restore(found)
    assert len(saves) == 1
    assert found.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 1}
    record = ScaleRecord.from_metadata(found.system_metadata)
    assert record == dataclasses.replace(ended(), journal=wanted)
    tracker.restore(found)
    assert len(saves) == 1


def test_an_end_belongs_to_its_request(tracker, saves, row):
    other = in_progress('req-2')
    row.update(saved_as(other))
    tracker.keep(fakes.UUID, other.numa_topology, ended())
    tracker.restore(other)
    assert len(saves) == 1
    record = ScaleRecord.from_metadata(other.system_metadata)
    assert (record.last.request_id, record.last.state) == (
        'req-2',
        'in progress',
    )


def test_others_are_left_alone(switched, saves):
    switched.restore(parked())
    elsewhere = fakes.instance(uuid='7b8f6a3e-54ab-4a5c-9a5e-0d6d9f3f7a11')
    switched.restore(elsewhere)
    assert elsewhere.numa_topology.cells[0].cpu_pinning == {0: 10, 1: 11}
    assert saves == []


def test_a_server_that_came_anew_is_taken_as_it_is(switched, saves):
    switched.claimed.add(fakes.UUID)
    switched.forget_switched(fakes.UUID)
    anew = fakes.instance(fakes.cell({0: 0, 1: 1}))
    switched.restore(anew)
    assert anew.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 1}
    assert switched.claimed == set()
    assert saves == []


@pytest.fixture
def audit(monkeypatch):
    """Return how to audit: Nova's part counts nothing."""
    monkeypatch.setattr(
        trackers.plugin_tracker.PluginTracker,
        '_update_usage_from_instances',
        lambda *args: None,
    )

    def audit(tracker, *instances):
        tracker._update_usage_from_instances('c', instances, fakes.NODE)

    return audit


def test_an_audit_saves_what_it_puts_back(switched, saves, row, audit, caplog):
    stale = fakes.instance(fakes.cell({0: 0, 1: 1}))
    row.update(saved_as(stale))
    audit(switched, stale, parked())
    assert len(saves) == 1
    assert stale.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 0}
    row['error'] = RuntimeError('conductor is away')
    stale = fakes.instance(fakes.cell({0: 0, 1: 1}))
    audit(switched, stale)
    assert 'the next audit tries again' in caplog.text
    # What the server really has is counted all the same.
    assert stale.numa_topology.cells[0].cpu_pinning == {0: 0, 1: 0}
    assert fakes.UUID in switched._switched
    audit(switched)
    assert switched._switched == {}
