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

from unittest import mock

from nova import objects
import pytest

from nova_ext import exception
from nova_ext.compute import cores_tracker as trackers
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout
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


def test_only_the_switch_of_a_server_that_is_here_is_remembered(tracker):
    instance, now = saved()
    for tracked in (set(), {fakes.UUID}):
        tracker.tracked_instances = tracked
        tracker.switch_cores(
            fakes.NODE, TWO, TWO, False, lambda: (instance, now)
        )
        assert tracker._switched.keys() == tracked
    assert tracker._switched[fakes.UUID].is_in(instance)
