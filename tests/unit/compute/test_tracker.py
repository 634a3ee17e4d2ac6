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
from nova.compute import resource_tracker
from oslo_concurrency import lockutils
import pytest

from nova_ext import exception
from nova_ext.compute import tracker as trackers
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout
from tests.unit.compute import fakes

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
    tracker = trackers.ResourceTracker(
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


def is_locked():
    return lockutils.internal_fair_lock('compute_resources').is_writer()


def test_a_core_is_given_back(tracker, published):
    seen = []

    def save():
        assert is_locked()
        seen.append(counted(tracker))

    tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), False, save)
    assert seen == [{0: {0, 1}, 1: {4, 5}}]
    assert counted(tracker) == {0: {0}, 1: {4, 5}}
    assert published == [{0: {0}, 1: {4, 5}}]
    assert not is_locked()


def test_the_lowest_free_core_of_the_node_is_taken(tracker, published):
    before = layout_of((0, {0: 0, 1: 1, 2: 1})).settled()
    assert before.offline == {2}
    saved = []
    after = tracker.take_core(fakes.NODE, before, 2, False, saved.append)
    assert after.pins == {0: 0, 1: 1, 2: 2}
    assert saved == [after]
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
    tracker.switch_cores(fakes.NODE, before, after, False, lambda: None)
    assert counted(tracker) == {0: {0}, 1: {4}}
    tracker.switch_cores(fakes.NODE, after, before, False, lambda: None)
    assert counted(tracker) == {0: {0, 1}, 1: {4, 5}}


def test_siblings_go_with_an_isolated_vcpu(published):
    tracker = tracker_of(
        fakes.host_cell(0, range(8), pinned={0, 4, 1, 5}, siblings=TWO_THREADS)
    )
    tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), True, lambda: None)
    assert counted(tracker) == {0: {0, 4}}
    after = tracker.take_core(
        fakes.NODE, TWO.without(1), 1, True, lambda after: None
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
    tracker.switch_cores(fakes.NODE, TWO, TWO.without(1), False, lambda: None)
    assert counted(tracker)[0] == {0}
    # Nova's audit saves what differs from what it saved last.
    assert tracker._resource_change(tracker.compute_nodes[fakes.NODE])


def test_an_unchanged_node_is_not_published(tracker, published):
    tracker.switch_cores(fakes.NODE, TWO, TWO, False, lambda: None)
    assert published == []


def test_an_audit_hands_on_unfinished_requests(monkeypatch, tracker):
    base = resource_tracker.ResourceTracker
    journalled = fakes.instance(
        system_metadata={'nova_ext_journal': '{"direction":"up"}'}
    )
    other = fakes.instance(uuid='7b8f6a3e-54ab-4a5c-9a5e-0d6d9f3f7a11')
    monkeypatch.setattr(
        base, '_update_usage_from_instances', lambda *args: 'orphans'
    )

    def audit(self, context, nodename, startup=False):
        found = self._update_usage_from_instances(
            context, [journalled, other], nodename
        )
        assert found == 'orphans'

    monkeypatch.setattr(base, 'update_available_resource', audit)
    tracker.update_available_resource('context', fakes.NODE)
    calls = []
    tracker.recover_with(lambda *args: calls.append((is_locked(), *args)))
    tracker.update_available_resource('context', fakes.NODE)
    assert calls == [(False, 'context', [fakes.UUID])]
    monkeypatch.setattr(base, 'update_available_resource', mock.Mock())
    tracker.update_available_resource('context', fakes.NODE)
    assert len(calls) == 1
