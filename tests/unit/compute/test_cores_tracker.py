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
"""Cores of a host change owners: tested, saved, counted, published."""

import dataclasses
from unittest import mock

from nova import exception as nova_exception
from nova import objects
import pytest

from nova_ext import exception
from nova_ext.compute import cores_tracker as trackers
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout
from nova_ext.model.record import Journal
from nova_ext.model.record import LastRequest
from nova_ext.model.record import ScaleRecord
from tests.unit.compute import fakes
from tests.unit.compute.fakes import is_locked

TWO_THREADS = [{0, 4}, {1, 5}, {2, 6}, {3, 7}]


@pytest.fixture
def published(monkeypatch):
    """Return what of the compute node was saved."""
    saved = []
    monkeypatch.setattr(
        objects.ComputeNode,
        'save',
        lambda node: saved.append(fakes.pinned(node)),
    )
    return saved


def tracker_of(*cells):
    tracker = trackers.CoresTracker(
        fakes.HOST, mock.Mock(), reportclient=mock.Mock()
    )
    if cells:
        node = fakes.node(*cells)
        tracker.compute_nodes[fakes.NODE] = node
        tracker._resource_change(node)
    return tracker


@pytest.fixture
def tracker(published):
    return tracker_of(
        fakes.host_cell(0, {0, 1, 2, 3}, pinned={0, 1}),
        fakes.host_cell(1, {4, 5}, pinned={4, 5}),
    )


def counted(tracker):
    return fakes.pinned(tracker.compute_nodes[fakes.NODE])


def layout_of(*cells):
    return Layout(tuple(Cell(node, pins) for node, pins in cells))


TWO = layout_of((0, {0: 0, 1: 1}))


def saved(uuid=fakes.UUID):
    """Return what a save returns: the instance, and its topology."""
    instance = fakes.instance(uuid=uuid)
    return instance, instance.numa_topology


def test_a_core_is_given_back(tracker, published):
    seen = []

    def save():
        assert is_locked()
        seen.append(counted(tracker))
        return saved()

    tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), False, save)
    assert seen == [{0: {0, 1}, 1: {4, 5}}]
    assert counted(tracker) == {0: {0}, 1: {4, 5}}
    assert published == [{0: {0}, 1: {4, 5}}]
    assert not is_locked()


def test_the_lowest_free_core_of_the_node_is_taken(tracker, published):
    before = layout_of((0, {0: 0, 1: 1, 2: 1})).settled()
    assert before.offline == {2}
    layouts = []

    def save(layout):
        layouts.append(layout)
        return saved()

    after = tracker.take_core(fakes.NODE, before, 2, False, save)
    assert after.pins == {0: 0, 1: 1, 2: 2}
    assert layouts == [after]
    assert counted(tracker) == {0: {0, 1, 2}, 1: {4, 5}}
    assert published == [counted(tracker)]


def test_a_node_without_a_free_core(tracker, published):
    before = layout_of((1, {0: 4, 1: 5, 2: 4})).settled()
    with pytest.raises(
        exception.InsufficientResources,
        match='no free pcpu available on NUMA node 1',
    ):
        tracker.take_core(fakes.NODE, before, 2, False, pytest.fail)
    assert published == []


def test_a_core_of_another_server_is_not_taken_back(tracker, published):
    before = layout_of((0, {0: 0, 1: 0})).settled()
    after = before.with_core(1, 1)
    with pytest.raises(exception.InsufficientResources):
        tracker.switch_cores(
            fakes.NODE, before, after, False, lambda: pytest.fail('saved')
        )
    assert counted(tracker) == {0: {0, 1}, 1: {4, 5}}
    assert published == []


def test_nothing_is_counted_that_was_not_saved(tracker, published):
    def save():
        raise exception.SavingFailed(reason='away')

    with pytest.raises(exception.SavingFailed):
        tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), False, save)
    assert counted(tracker) == {0: {0, 1}, 1: {4, 5}}
    assert published == []
    assert not is_locked()


def test_two_cells_are_switched_together(tracker):
    before = layout_of((0, {0: 0, 1: 1}), (1, {2: 4, 3: 5}))
    after = before.without(3).without(1)
    tracker.switch_cores(fakes.NODE, before, after, False, saved)
    assert counted(tracker) == {0: {0}, 1: {4}}
    tracker.switch_cores(fakes.NODE, after, before, False, saved)
    assert counted(tracker) == {0: {0, 1}, 1: {4, 5}}


def test_siblings_go_with_an_isolated_vcpu(published):
    tracker = tracker_of(
        fakes.host_cell(0, range(8), pinned={0, 4, 1, 5}, siblings=TWO_THREADS)
    )
    tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), True, saved)
    assert counted(tracker) == {0: {0, 4}}
    after = tracker.take_core(
        fakes.NODE, TWO.without(1), 1, True, lambda after: saved()
    )
    assert after.pins == {0: 0, 1: 1}
    assert counted(tracker) == {0: {0, 4, 1, 5}}


@pytest.mark.parametrize(
    ('pinned', 'isolated', 'wanted'),
    [
        ({0, 4, 5}, False, [1, 2, 3, 6, 7]),
        ({0, 4, 5}, True, [2, 3]),
        ({0, 1, 2, 3}, True, []),
        (set(range(8)), False, []),
    ],
)
def test_what_a_vcpu_could_get(published, pinned, isolated, wanted):
    tracker = tracker_of(
        fakes.host_cell(0, range(8), pinned=pinned, siblings=TWO_THREADS)
    )
    assert tracker.free_pcpus(fakes.NODE, 0, isolated) == wanted


def test_isolation_without_hyperthreading(tracker):
    assert tracker.free_pcpus(fakes.NODE, 0, True) == [2, 3]


def test_a_host_before_its_first_audit():
    with pytest.raises(
        exception.ServerBusy, match='node1 has not been audited yet'
    ):
        tracker_of().check_audited(fakes.NODE)
    tracker_of(fakes.host_cell(0, {0})).check_audited(fakes.NODE)


def test_a_node_that_could_not_be_published_is_saved_by_the_next_audit(
    monkeypatch, tracker
):
    def fail(node):
        raise TimeoutError('conductor is away')

    monkeypatch.setattr(objects.ComputeNode, 'save', fail)
    tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), False, saved)
    assert counted(tracker)[0] == {0}
    # Nova's audit saves what differs from what it saved last.
    assert tracker._resource_change(tracker.compute_nodes[fakes.NODE])


def test_an_unchanged_node_is_not_published(tracker, published):
    tracker.switch_cores(fakes.NODE, TWO, TWO, False, saved)
    assert published == []


@pytest.fixture
def nova_usage(monkeypatch):
    """Leave out what Nova reads for a usage but the topology."""
    monkeypatch.setattr(
        trackers.plugin_tracker.PluginTracker,
        '_get_usage_dict',
        lambda self, thing, instance, **updates: updates,
    )


def test_what_was_counted_is_freed(tracker, nova_usage):
    """A delete may come with pins that are older than a scale request."""
    counted, stale = fakes.instance(), fakes.instance()
    tracker.tracked_instances.add(fakes.UUID)
    assert tracker._get_usage_dict(counted, counted) == {
        'numa_topology': counted.numa_topology
    }
    now = fakes.instance(fakes.cell({0: 0, 1: 0})).numa_topology
    tracker.switch_cores(
        fakes.NODE, TWO, TWO.without(1), False, lambda: (counted, now)
    )
    tracker.tracked_instances.discard(fakes.UUID)
    assert tracker._get_usage_dict(stale, stale) == {'numa_topology': now}
    # From then on Nova's word counts.
    assert tracker._get_usage_dict(stale, stale) == {
        'numa_topology': stale.numa_topology
    }


def test_a_server_in_motion_is_counted_by_its_migration(tracker, nova_usage):
    instance = fakes.instance()
    assert tracker._get_usage_dict(
        instance.flavor, instance, numa_topology='of the context'
    ) == {'numa_topology': 'of the context'}


def test_an_audit_counts_anew(monkeypatch, tracker, nova_usage):
    monkeypatch.setattr(
        trackers.plugin_tracker.PluginTracker,
        '_update_usage_from_instances',
        lambda *args: 'by uuid',
    )
    instance, later = fakes.instance(), fakes.instance()
    tracker.tracked_instances.add(fakes.UUID)
    tracker._get_usage_dict(instance, instance)
    found = tracker._update_usage_from_instances('context', [], fakes.NODE)
    assert found == 'by uuid'
    tracker.tracked_instances.clear()
    assert tracker._get_usage_dict(later, later) == {
        'numa_topology': later.numa_topology
    }


def parked():
    """Return an instance that is saved with vCPU 1 parked."""
    return fakes.instance(
        fakes.cell({0: 0, 1: 0}), system_metadata={'nova_ext_offline': '0x2'}
    )


@pytest.fixture
def switched(tracker):
    """Return a tracker that has switched an instance to that."""
    instance = parked()
    tracker.tracked_instances.add(fakes.UUID)
    tracker.switch_cores(
        fakes.NODE,
        TWO,
        TWO.without(1),
        False,
        lambda: (instance, instance.numa_topology),
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
