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
"""What an audit counts and hands on."""

from unittest import mock

from nova.compute import resource_tracker
import pytest

from nova_ext.compute import cut_off
from nova_ext.compute import evacuated
from nova_ext.compute import stranded
from tests.unit.compute import fakes
from tests.unit.compute.fakes import is_locked

BASE = resource_tracker.ResourceTracker


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
    tracker.recover_with(
        lambda *args: calls.append((is_locked(), *args)), mock.Mock()
    )
    tracker.update_available_resource('context', fakes.NODE)
    assert calls == [(False, 'context', [fakes.UUID])]
    monkeypatch.setattr(base, 'update_available_resource', mock.Mock())
    tracker.update_available_resource('context', fakes.NODE)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ('startup', 'found', 'audits'),
    [(True, True, 2), (True, False, 1), (False, True, 1)],
)
def test_cut_off_evacuations_are_looked_for_at_the_start(
    monkeypatch, tracker, startup, found, audits
):
    audit = mock.Mock()
    monkeypatch.setattr(BASE, 'update_available_resource', audit)
    finish = mock.Mock(return_value=found)
    monkeypatch.setattr(evacuated, 'finish', finish)
    tracker.update_available_resource('context', fakes.NODE, startup=startup)
    assert len(audit.mock_calls) == audits
    assert finish.called is startup


def test_nova_compute_starts_if_evacuations_cannot_be_read(
    monkeypatch, tracker, caplog
):
    monkeypatch.setattr(BASE, 'update_available_resource', mock.Mock())
    monkeypatch.setattr(evacuated, 'finish', mock.Mock(side_effect=OSError))
    tracker.update_available_resource('context', fakes.NODE, startup=True)
    assert 'Evacuations that were cut off could not be looked' in caplog.text


def audit(monkeypatch, tracker, instance, cores):
    """Audit a host where placement has so many cores of an instance.

    :returns: the uuids of the servers that are to be charged anew.
    """
    found = {fakes.UUID: {'resources': {'PCPU': cores}}} if cores else {}
    reports = tracker.reportclient
    reports.get_allocations_for_resource_provider.return_value = mock.Mock(
        allocations=found
    )
    monkeypatch.setattr(BASE, '_update_usage_from_instances', mock.Mock())
    monkeypatch.setattr(
        BASE,
        'update_available_resource',
        lambda self, context, nodename, startup: (
            self._update_usage_from_instances(context, [instance], nodename)
        ),
    )
    monkeypatch.setattr(
        stranded, '_cut_off', lambda context, consumer, host: None
    )
    recharge = mock.Mock()
    tracker.recover_with(mock.Mock(), recharge)
    tracker.update_available_resource('context', fakes.NODE)
    return [uuid for call in recharge.mock_calls for uuid in call.args[1]]


def parked(**changes):
    """Return a server with one of its two vCPUs offline."""
    metadata = {'nova_ext_offline': '0x2', **changes.pop('metadata', {})}
    return fakes.instance(
        fakes.cell({0: 1, 1: 1}, pcpuset={0, 1}),
        system_metadata=metadata,
        **changes,
    )


def test_an_audit_corrects_what_placement_has(monkeypatch, tracker):
    found = audit(monkeypatch, tracker, parked(), cores=2)
    assert found == [fakes.UUID]


@pytest.mark.parametrize(
    ('instance', 'cores'),
    [
        # It is right.
        ({}, 1),
        # There is nothing that could be corrected.
        ({}, 0),
        # Something runs that changes it.
        ({'task_state': 'migrating'}, 2),
        # Its recovery charges it anyway.
        ({'metadata': {'nova_ext_journal': '{"direction":"down"}'}}, 2),
    ],
)
def test_an_audit_leaves_allocations_alone(
    monkeypatch, tracker, instance, cores
):
    assert audit(monkeypatch, tracker, parked(**instance), cores) == []


@pytest.mark.parametrize(('cores', 'wrong'), [(2, []), (1, [fakes.UUID])])
def test_full_accounting_charges_the_flavor(
    monkeypatch, tracker, config, cores, wrong
):
    config(accounting='full', group='nova_ext_scaling')
    assert audit(monkeypatch, tracker, parked(), cores=cores) == wrong


@pytest.mark.parametrize(
    'state',
    [
        {'task_state': 'migrating'},
        {'task_state': 'rebuilding'},
        # Nova's own, as far as this process knows.
        {'task_state': 'resize_prep'},
        {'vm_state': 'resized'},
    ],
)
def test_an_audit_leaves_servers_in_motion_alone(monkeypatch, tracker, state):
    moving = fakes.instance(
        system_metadata={'nova_ext_journal': '{"direction":"up"}'}, **state
    )
    monkeypatch.setattr(BASE, '_update_usage_from_instances', mock.Mock())
    tracker._update_usage_from_instances('context', [moving], fakes.NODE)
    assert tracker._journalled == set()


@pytest.mark.parametrize(
    ('state', 'known'),
    [
        ({}, False),
        ({'task_state': 'resize_prep'}, True),
        ({'task_state': 'resize_prep', 'vm_state': 'error'}, False),
    ],
)
def test_an_audit_finds_what_a_scale_request_has_left(
    tracker, audited, state, known
):
    left = fakes.instance(
        system_metadata={'nova_ext_journal': '{"direction":"up"}'}, **state
    )
    tracker.claimed.update({fakes.UUID} if known else ())
    tracker._update_usage_from_instances('context', [left], fakes.NODE)
    assert tracker._journalled == {fakes.UUID}


@pytest.fixture
def audited(monkeypatch):
    """Return a list that gets the instances that Nova counts."""
    found = []
    monkeypatch.setattr(
        BASE,
        '_update_usage_from_instances',
        lambda self, context, instances, nodename: found.extend(instances),
    )
    return found


def test_an_audit_gives_servers_the_pins_that_were_claimed(
    monkeypatch, tracker, audited, caplog
):
    def finish(instance, host):
        assert (host, audited) == (fakes.HOST, [])
        if instance == 'broken':
            raise RuntimeError('expected by the test')

    monkeypatch.setattr(cut_off, 'finish', finish)
    instance = fakes.instance()
    tracker.finish_move('broken')
    assert 'the next audit tries again' in caplog.text
    tracker._update_usage_from_instances('context', [instance], fakes.NODE)
    assert audited == [instance]


def test_an_audit_counts_servers_that_leave_as_they_are(
    monkeypatch, tracker, audited, caplog
):
    asked = []

    def stay(instance, host):
        assert (host, audited) == (fakes.HOST, [])
        asked.append(instance)
        if len(asked) == 1:
            raise RuntimeError('expected by the test')

    monkeypatch.setattr(cut_off, 'stay', stay)
    instances = [fakes.instance(), fakes.instance()]
    tracker._update_usage_from_instances('context', instances, fakes.NODE)
    assert asked == audited == instances
    assert 'is counted as Nova does' in caplog.text
