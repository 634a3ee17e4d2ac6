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
"""How scaled-down servers come and go."""

from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.compute import claims
from nova.compute import resource_tracker
import pytest

from tests.unit.compute import fakes
from tests.unit.compute.fakes import is_locked

BASE = resource_tracker.ResourceTracker

CLAIMED = {0: 4, 1: 5, 2: 6, 3: 7}
SCALED_DOWN = {0: 0, 1: 1, 2: 0, 3: 0}
PARKED = {0: 4, 1: 5, 2: 4, 3: 4}


@pytest.fixture
def scaled_down(monkeypatch):
    """Return an instance that comes with vCPUs 2 and 3 parked."""
    saved = fakes.instance(
        fakes.cell(SCALED_DOWN), system_metadata={'nova_ext_offline': '0xc'}
    )
    monkeypatch.setattr(
        objects.Instance, 'get_by_uuid', lambda *args, **kwargs: saved
    )
    return fakes.instance(fakes.cell(SCALED_DOWN), migration_context=None)


@pytest.fixture
def nova_claims(monkeypatch):
    """Let Nova claim the flavor's maximum, and return its claim."""
    claimed = mock.Mock(spec=claims.MoveClaim, instance=fakes.instance())
    claimed.claimed_numa_topology = fakes.instance(
        fakes.cell(CLAIMED)
    ).numa_topology

    def claim(self, context, instance, *args, **kwargs):
        instance.migration_context = objects.MigrationContext(
            instance_uuid=fakes.UUID,
            new_numa_topology=claimed.claimed_numa_topology,
        )
        return claimed

    for name in ('live_migration_claim', 'rebuild_claim', 'instance_claim'):
        monkeypatch.setattr(BASE, name, claim)
    return claimed


def arrive_running(tracker, instance):
    return tracker.live_migration_claim(
        fakes.admin(), instance, fakes.NODE, 'migration', {}, {}
    )


def pins_of(topology):
    return topology.cells[0].cpu_pinning


def counted(tracker):
    return fakes.pinned(tracker.compute_nodes[fakes.NODE])[0]


def put(tracker):
    """Return the cores that placement was told of, by provider."""
    payload = tracker.reportclient.put_allocations.call_args.args[2]
    return {
        provider: allocation['resources']['PCPU']
        for provider, allocation in payload['allocations'].items()
    }


@pytest.mark.parametrize(
    'arrive',
    [
        arrive_running,
        lambda tracker, instance: tracker.rebuild_claim(
            fakes.admin(), instance, fakes.NODE, {}
        ),
    ],
)
def test_a_server_arrives_parked(
    tracker, scaled_down, nova_claims, saves, arrive
):
    assert arrive(tracker, scaled_down) is nova_claims
    assert pins_of(nova_claims.claimed_numa_topology) == PARKED
    context = scaled_down.migration_context
    assert pins_of(context.new_numa_topology) == PARKED
    # What an aborted claim is freed by.
    assert nova_claims.instance.migration_context is context
    assert pins_of(scaled_down.numa_topology) == SCALED_DOWN
    assert counted(tracker) == {4, 5}
    node = tracker.compute_nodes[fakes.NODE]
    assert put(tracker) == {'old host': 3, node.uuid: 2}
    assert len(saves) == 2
    assert scaled_down.system_metadata == {'nova_ext_offline': '0xc'}
    assert not is_locked()


def test_a_shelved_server_comes_back_parked(
    tracker, scaled_down, nova_claims, saves
):
    nova_claims.__class__ = claims.Claim
    tracker.instance_claim(fakes.admin(), scaled_down, fakes.NODE, {})
    assert pins_of(scaled_down.numa_topology) == PARKED
    assert counted(tracker) == {4, 5}


def test_placement_is_told_later_if_it_is_away(
    tracker, scaled_down, nova_claims, saves
):
    tracker.reportclient.put_allocations.side_effect = (
        nova_exception.AllocationUpdateFailed(consumer_uuid='c', error='away')
    )
    arrive_running(tracker, scaled_down)
    assert counted(tracker) == {4, 5}
    assert 'nova_ext_journal' in scaled_down.system_metadata


def test_what_cannot_be_parked_does_not_come(
    tracker, scaled_down, nova_claims, saves
):
    saves.errors.append(RuntimeError('conductor is away'))
    with pytest.raises(
        nova_exception.ComputeResourcesUnavailable,
        match='could not be parked: conductor is away',
    ):
        arrive_running(tracker, scaled_down)
    nova_claims.abort.assert_called_once_with()
    assert counted(tracker) == {4, 5, 6, 7}
    tracker.reportclient.put_allocations.assert_not_called()
    assert not is_locked()


def test_a_server_at_its_maximum_is_novas_business(
    monkeypatch, tracker, nova_claims, saves
):
    full = fakes.instance(fakes.cell(CLAIMED))
    monkeypatch.setattr(
        objects.Instance, 'get_by_uuid', lambda *args, **kwargs: full
    )
    assert arrive_running(tracker, full) is nova_claims
    assert saves == []
    assert counted(tracker) == {4, 5, 6, 7}


def test_a_confirmed_resize_forgets_what_was_offline(monkeypatch, tracker):
    monkeypatch.setattr(BASE, 'drop_move_claim_at_source', mock.Mock())
    instance = fakes.instance(
        system_metadata={
            'nova_ext_offline': '0x2',
            'nova_ext_journal': '{"direction":"up"}',
            'old_vm_state': 'active',
        }
    )
    tracker.drop_move_claim_at_source('context', instance, 'migration')
    assert instance.system_metadata == {'old_vm_state': 'active'}


def test_a_server_that_comes_anew_has_no_past_here(
    tracker, scaled_down, nova_claims, saves
):
    tracker._switched[fakes.UUID] = 'what it had here long ago'
    arrive_running(tracker, scaled_down)
    assert fakes.UUID not in tracker._switched
    tracker._switched[fakes.UUID] = 'what it had before a resize'
    with mock.patch.object(BASE, 'resize_claim') as claim:
        tracker.resize_claim('context', scaled_down, 'flavor', 'node', 'm', {})
    claim.assert_called_once_with(
        'context', scaled_down, 'flavor', 'node', 'm', {}
    )
    assert fakes.UUID not in tracker._switched
