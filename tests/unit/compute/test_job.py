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
"""One instance with its ports: what holds, and how it is recovered."""

from unittest import mock

from nova import exception as nova_exception
from nova.virt.libvirt import guest as nova_guest
import pytest

from nova_ext import exception
from nova_ext.compute import job as jobs
from nova_ext.compute import libvirt_guest
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from tests.unit.compute import fakes
from tests.unit.hypervisor import fakes as hypervisor

LISTENING = hypervisor.XML
SILENT = hypervisor.XML.replace("state='connected'", "state='disconnected'")


class Tracker:
    """Counts nothing; cores switch as they are told."""

    host = fakes.HOST
    audited = True
    compute_nodes = {fakes.NODE: mock.Mock(uuid='rp')}

    def check_audited(self, node):
        if not self.audited:
            raise exception.ServerBusy(reason='not audited')

    def __init__(self):
        self.claimed = set()

    def restore(self, instance, may_save):
        assert may_save

    def free_pcpus(self, nodename, node, isolated):
        return [nodename, node, isolated]

    def switch_cores(self, nodename, before, after, isolated, save):
        save()


class Guest:
    """A guest that does as it is told."""

    def __init__(self):
        self.asked = []
        self.error = None

    def take_offline(self, name, timeout, vcpu=None):
        return self._ask('off', vcpu)

    def bring_online(self, name, vcpu, online, timeout):
        return self._ask('on', vcpu)

    def _ask(self, what, vcpu):
        self.asked.append((what, vcpu))
        if self.error:
            raise self.error
        return vcpu


@pytest.fixture
def domain(monkeypatch):
    """Return the libvirt domain; None for a server that is stopped."""
    found = mock.Mock(is_active=lambda: True, _domain=hypervisor.Domain())
    monkeypatch.setattr(
        nova_guest, 'libvirt', mock.Mock(libvirtError=hypervisor.LibvirtError)
    )
    monkeypatch.setattr(libvirt_guest, 'ask_monitor', hypervisor.monitor)
    return found


@pytest.fixture
def guest():
    return Guest()


@pytest.fixture
def make(domain, guest, row):
    """Return how to make a job, with placement that holds two cores."""
    driver = mock.Mock()
    driver._host.get_guest.return_value = domain
    reports = mock.Mock()
    reports.get_allocs_for_consumer.side_effect = lambda *args: {
        'allocations': {'rp': {'resources': {'PCPU': 2}}}
    }

    def make(instance=None, tracker=None, context=None):
        instance = instance or fakes.instance()
        row.update(vm_state=instance.vm_state, task_state=instance.task_state)
        return jobs.Job(
            context or fakes.admin(),
            instance,
            driver,
            tracker or Tracker(),
            guest,
            reports,
        )

    make.reports = reports
    return make


def interrupted(journal, offline=()):
    record = ScaleRecord(frozenset(offline), journal)
    pins = {0: 10, 1: 10 if 1 in offline else 11}
    return fakes.instance(
        fakes.cell(pins), system_metadata=record.to_metadata()
    )


def test_a_server_that_went_elsewhere(make):
    with pytest.raises(
        exception.ServerBusy, match='%s is on host other now' % fakes.UUID
    ):
        make(fakes.instance(host='other'))


def test_a_host_that_was_not_audited(make):
    tracker = Tracker()
    tracker.audited = False
    with pytest.raises(exception.ServerBusy, match='not audited'):
        make(tracker=tracker)


def test_what_holds_for_an_idle_server(make):
    now = make().circumstances()
    assert (now.vm_state, now.task_state) == ('active', None)
    assert (now.locked, now.running, now.listening) == (False, True, True)
    assert (now.host_picks, now.isolated) == (False, False)
    assert now.free_pcpus(1) == [fakes.NODE, 1, False]


@pytest.mark.parametrize(
    ('context', 'locked'), [(fakes.user, True), (fakes.admin, False)]
)
def test_a_lock_does_not_stop_an_admin(make, context, locked):
    job = make(fakes.instance(locked=True), context=context())
    now = job.circumstances()
    assert now.locked is locked


def test_a_guest_whose_channel_is_closed(make, domain):
    domain._domain.xml = SILENT
    assert make().circumstances().listening is False


def test_a_stopped_server_neither_runs_nor_listens(make, domain):
    domain.is_active = lambda: False
    now = make().circumstances()
    assert not now.running
    assert not now.listening


def test_the_options_decide_about_silence(make, config):
    config(group='nova_ext_scaling', on_silent_guest='host_picks')
    assert make().circumstances().host_picks


def test_an_interrupted_request_is_recovered_under_a_claim(make, saves):
    instance = interrupted(Journal('down', 1), offline=[1])
    assert make(instance).recover() is None
    assert [expected for expected, _ in saves] == [
        {'expected_task_state': [None]},
        {'expected_task_state': ['resize_prep']},
    ]
    assert instance.task_state is None
    record = ScaleRecord.from_metadata(instance.system_metadata)
    assert record == ScaleRecord(frozenset({1}))
    payload = make.reports.put_allocations.call_args.args[-1]
    assert payload['allocations']['rp']['resources'] == {'PCPU': 1}


def test_a_claim_whose_end_was_not_saved_is_taken_up_again(make, saves):
    tracker = Tracker()
    tracker.claimed.add(fakes.UUID)
    instance = interrupted(Journal('down', 1), offline=[1])
    instance.task_state = 'resize_prep'
    assert make(instance, tracker).recover() is None
    assert saves[0][0] == {'expected_task_state': [None, 'resize_prep']}
    assert instance.task_state is None
    assert tracker.claimed == set()


def test_a_resize_of_nova_is_left_alone(make, saves, guest, domain):
    """It begins with the task state that a scale request has, too."""
    instance = interrupted(Journal('down', 1), offline=[1])
    instance.task_state = 'resize_prep'
    with pytest.raises(exception.Interrupted, match='resize_prep'):
        make(instance).recover()
    instance = interrupted(None, {1})
    instance.task_state = 'resize_prep'
    with pytest.raises(exception.Interrupted, match='resize_prep'):
        make(instance).recharge()
    assert saves == guest.asked == domain._domain.calls == []


def test_a_server_that_another_operation_has_is_left_alone(
    make, saves, guest, domain
):
    saves.errors = [
        nova_exception.UnexpectedTaskStateError(
            instance_uuid=fakes.UUID,
            expected={'task_state': [None]},
            actual={'task_state': 'deleting'},
        )
    ]
    job = make(interrupted(Journal('down', 1), offline=[1]))
    with pytest.raises(exception.Interrupted, match='deleting'):
        job.recover()
    assert guest.asked == domain._domain.calls == []


def test_only_the_guest_is_asked_without_a_claim(make, saves, guest, domain):
    journal = Journal('down', 1, guest_only=True)
    instance = interrupted(journal, offline=[1])
    assert make(instance).recover() is None
    assert [expected for expected, _ in saves] == [
        {'expected_task_state': [None]}
    ]
    assert guest.asked == [('off', 1)]
    assert domain._domain.calls == []
    make.reports.put_allocations.assert_not_called()


def test_a_guest_that_stays_silent_saves_nothing(make, saves, guest):
    guest.error = exception.GuestSilent(timeout=1.0)
    instance = interrupted(Journal('down', 1, guest_only=True), offline=[1])
    error = make(instance).recover()
    assert isinstance(error, exception.GuestSilent)
    assert saves == []


def test_a_guest_that_refuses_its_core_gives_it_back_at_the_second_try(
    make, saves, guest
):
    """The first try has no claim on the server, which that needs."""
    guest.error = exception.GuestRefused(reason='no')
    instance = interrupted(Journal('up', 1, guest_only=True))
    make(instance).recover()
    assert instance.numa_topology.cpu_pinning == {10, 11}
    assert make(instance).recover() is None
    assert instance.numa_topology.cpu_pinning == {10}
    record = ScaleRecord.from_metadata(instance.system_metadata)
    assert record.offline == {1}
    assert record.journal is None
    assert instance.task_state is None


def test_an_allocation_is_corrected_while_the_server_is_claimed(make, saves):
    made = make(interrupted(None, {1}))
    states = []
    made.ports.allocation.charge = lambda layout: states.append(
        (
            made._instance.task_state,
            ScaleRecord.from_metadata(made._instance.system_metadata).journal,
            layout.offline,
        )
    )
    made.recharge()
    # Where it is cut off, recovery ends the claim.
    assert states == [('resize_prep', Journal('down'), {1})]
    assert [expected for expected, _ in saves] == [
        {'expected_task_state': [None]},
        {'expected_task_state': ['resize_prep']},
    ]
    assert made._instance.task_state is None
    assert 'nova_ext_journal' not in made._instance.system_metadata


def test_a_server_whose_allocation_cannot_be_corrected_is_free_again(
    make, saves
):
    made = make(interrupted(None, {1}))
    made.ports.allocation.charge = mock.Mock(
        side_effect=exception.PlacementFailed(reason='away')
    )
    with pytest.raises(exception.PlacementFailed):
        made.recharge()
    assert made._instance.task_state is None


@pytest.mark.parametrize(
    ('journal', 'vm_state'), [(Journal('up'), 'active'), (None, 'resized')]
)
def test_allocations_that_follow_anyway(make, saves, journal, vm_state):
    instance = interrupted(journal, {1})
    instance.vm_state = vm_state
    make(instance).recharge()
    assert saves == []
