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
"""Guests that run parked vCPUs: told once, and recorded as it is."""

import contextlib
from dataclasses import replace
import logging
import types

from nova.virt.libvirt import guest as nova_guest
import pytest

from nova_ext import exception
from nova_ext.compute import guard
from nova_ext.compute import libvirt_guest
from nova_ext.compute import quota
from nova_ext.compute import watch as watches
from nova_ext.model.record import Journal
from nova_ext.model.record import LastRequest
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling import strays
from nova_ext.scaling import telling
from tests.unit.compute import fakes
from tests.unit.hypervisor import fakes as hypervisor
from tests.unit.scaling import fakes as worlds

NAME = worlds.NAME
WARNED = 'parked vCPUs that its guest runs by itself'


class Domain:
    """The running domain; each look finds what the guest runs busy."""

    def __init__(self, world):
        self.world = world
        self.boot = 1
        self.listening = True
        self.spent = dict.fromkeys(range(4), 0)

    def times(self, vcpus):
        for vcpu in self.world.online:
            self.spent[vcpu] += 10**9
        return {vcpu: self.spent[vcpu] for vcpu in vcpus}

    def is_listening(self, port):
        return self.listening


class Job:
    """A job on plain data."""

    def __init__(self, world):
        self.server = replace(world.server, uuid=fakes.UUID)
        self.record = world.record
        self.ports = world.ports

    def telling(self):
        return telling.Telling(NAME, self.server.layout, self.ports.guest, 1.0)


class Scaler:
    """Runs everything at once."""

    def __init__(self, world):
        self.world = world
        self.guard = guard.Guard()
        self.started = 0

    def hold(self, uuid, reason):
        return self.guard.hold(uuid, reason)

    def job(self, context, uuid, may_save=True):
        if may_save:
            # Else it could overwrite what a request is saving.
            with pytest.raises(exception.ServerBusy), self.guard.hold(uuid):
                pass
        assert (context.is_admin, uuid) == (True, fakes.UUID)
        return Job(self.world)

    def start(self, target, *args):
        self.started += 1
        target(*args)


@pytest.fixture
def world():
    """vCPUs 1 and 3 of four are parked, and offline in the guest."""
    found = worlds.World([{0: 10, 1: 11, 2: 12, 3: 13}])
    _, layout = found.saved
    layout = layout.without(1).without(3)
    found.saved = ScaleRecord(layout.offline), layout
    found.online = {0, 2}
    return found


@pytest.fixture
def domain(world):
    return Domain(world)


@pytest.fixture
def watch(monkeypatch, world, domain):
    monkeypatch.setattr(strays, 'INTERVAL', 0)
    libvirt = types.SimpleNamespace(libvirtError=hypervisor.LibvirtError)
    monkeypatch.setattr(nova_guest, 'libvirt', libvirt)
    monkeypatch.setattr(
        libvirt_guest, 'find_running', lambda driver, instance: domain
    )
    monkeypatch.setattr(
        libvirt_guest,
        'uuid_of',
        lambda driver, name: fakes.UUID if name == NAME else None,
    )
    return watches.GuestWatch(None, Scaler(world))


@pytest.fixture
def audit(watch, world):
    """Return a function that audits the host so many times."""

    def audits(times=1):
        for _ in range(times):
            cell = fakes.cell(world.saved[1].pins)
            watch.audited(
                [
                    fakes.instance(
                        cell, system_metadata=world.record.to_metadata()
                    )
                ]
            )

    return audits


def asked(world):
    return world.effects.count('guest off')


def test_a_quiet_guest_costs_nothing(world, audit):
    audit(5)
    assert world.effects == []


def test_a_guest_that_has_booted_is_told_at_once(world, watch, caplog):
    world.online = {0, 1, 2, 3}
    with caplog.at_level(logging.INFO):
        watch.heard(NAME, frozenset({0, 1, 2, 3}))
    assert world.online == {0, 2}
    assert 'these are online still: none' in caplog.text
    assert world.record == ScaleRecord(frozenset({1, 3}))


def test_a_guest_that_knows_is_not_asked(world, watch):
    watch.heard(NAME, frozenset({0, 2}))
    assert world.effects == []


@pytest.mark.parametrize(('online', 'held'), [({0, 2}, 0), ({0, 1, 2}, 1)])
def test_a_boot_with_nothing_to_tell_is_in_nobodys_way(
    watch, monkeypatch, online, held
):
    """A request of that moment would be refused for no reason."""
    holds = []
    hold = watch._scaler.hold
    monkeypatch.setattr(
        watch._scaler, 'hold', lambda *of: (holds.append(of), hold(*of))[1]
    )
    watch.heard(NAME, frozenset(online))
    assert len(holds) == held


def test_a_guest_that_is_told_is_held(world, watch, monkeypatch):
    def take_offline(self, vcpus):
        with pytest.raises(
            exception.ServerBusy, match='while its guest is asked about its'
        ):
            with watch._scaler.hold(fakes.UUID, 'not reached'):
                pass
        world.online -= vcpus

    monkeypatch.setattr(telling.Telling, 'take_offline', take_offline)
    world.online = {0, 1, 2, 3}
    watch.heard(NAME, frozenset({0, 1, 2, 3}))
    assert world.online == {0, 2}


def test_a_guest_that_floods_is_heard_a_few_times(world, watch):
    for _ in range(1000):
        world.online = {0, 1, 2, 3}
        watch.heard(NAME, frozenset({0, 1, 2, 3}))
    assert watch._scaler.started == quota.COUNT
    assert asked(world) == 2 * quota.COUNT


def test_an_announcement_of_a_domain_that_is_gone(world, watch):
    watch.heard('another', frozenset({1}))
    assert world.effects == []


def test_one_that_runs_is_told_once_and_then_only_recorded(
    world, audit, caplog
):
    world.online.add(1)
    audit(3)
    assert world.online == {0, 2}
    assert (world.record.strays, world.record.stray.count) == (set(), 1)
    assert world.record.journal is None
    world.online.add(1)
    audit(10)
    assert world.online == {0, 1, 2}
    assert (world.record.strays, world.record.stray.count) == ({1}, 2)
    world.online.discard(1)
    audit(1)
    assert (world.record.strays, world.record.stray.count) == (set(), 2)
    assert asked(world) == 1
    assert caplog.text.count(WARNED) == 1
    saves = world.effects.count('save')
    audit(10)
    assert world.effects.count('save') == saves


@pytest.mark.parametrize('how', ['start', 'reset'])
def test_another_boot_is_told_again(world, domain, watch, audit, how):
    for _ in range(2):
        world.online.add(3)
        audit(3)
        assert world.online == {0, 2}
        if how == 'start':
            domain.boot += 1
        else:
            watch.rebooted(fakes.UUID)
    assert asked(world) == 2


def test_what_ran_until_the_guest_was_told_is_past(
    world, domain, watch, audit, caplog
):
    """Its boot was seen in two audits before it announced itself."""
    world.online = {0, 1, 2, 3}
    audit(2)
    for vcpu in (1, 3):
        domain.spent[vcpu] += 10**9
    watch.heard(NAME, frozenset({0, 1, 2, 3}))
    audit(2)
    assert (world.record.stray, asked(world)) == (None, 2)
    assert WARNED not in caplog.text
    world.online.add(1)
    audit(3)
    assert (world.online, world.record.stray.count) == ({0, 2}, 1)


def test_what_ran_until_a_found_one_was_told_is_past(world, domain, audit):
    """Its thread needs some time to take itself offline."""
    world.online.add(1)
    audit(3)
    domain.spent[1] += 10**9
    audit(1)
    assert (world.record.strays, world.record.stray.count) == (set(), 1)


def test_a_guest_that_is_told_while_it_is_looked_at(
    world, domain, watch, audit, monkeypatch
):
    """The look came before, and its finding after."""
    world.online = {0, 1, 2, 3}
    audit(2)
    times = domain.times

    def told_meanwhile(vcpus):
        found = times(vcpus)
        monkeypatch.setattr(domain, 'is_listening', announced)
        return found

    def announced(port):
        watch.heard(NAME, frozenset({0, 1, 2, 3}))
        return True

    monkeypatch.setattr(domain, 'times', told_meanwhile)
    audit(1)
    assert world.online == {0, 2}
    assert (world.record.stray, asked(world)) == (None, 2)


def test_another_scale_request_is_told_again(world, audit):
    """What the guest does after that is another story than before."""
    for request in ('req-1', 'req-2'):
        last = LastRequest(request, 'down', 2, 2, 'done', '', 'now')
        world.saved = (replace(world.record, last=last), world.saved[1])
        world.online.add(1)
        audit(3)
        assert world.online == {0, 2}
    assert (asked(world), world.record.stray.count) == (2, 2)


def test_a_new_process_tells_what_an_older_one_recorded(world, watch, audit):
    world.online.add(1)
    audit(3)
    world.online.add(1)
    audit(3)
    watch._told.clear()
    audit(1)
    assert world.online == {0, 2}
    assert world.record.stray.count == 2


def test_an_announcement_ends_what_was_recorded(world, watch, audit):
    world.online.add(1)
    audit(3)
    world.online.add(1)
    audit(3)
    assert world.record.strays == {1}
    world.online.discard(1)
    watch.heard(NAME, frozenset({0, 2}))
    assert world.record.strays == set()


def test_one_that_does_not_listen_is_told_when_it_does(world, domain, audit):
    domain.listening = False
    world.online.add(1)
    audit(6)
    assert (asked(world), world.record.strays) == (0, {1})
    domain.listening = True
    audit(1)
    assert (world.online, world.record.strays) == ({0, 2}, set())
    assert world.record.stray.count == 1


def test_silence_leaves_a_journal_for_an_agent_that_may_be_old(
    world, audit, caplog
):
    world.silent = True
    world.online.add(1)
    audit(6)
    assert world.record.journal == Journal('down', guest_only=True)
    assert world.record.strays == {1}
    assert caplog.text.count('could not be told') == 1


def test_one_whose_agent_knows_the_hint_needs_no_journal(
    world, watch, audit, caplog
):
    watch.heard(NAME, frozenset({0, 2}))
    world.silent = True
    world.online.add(1)
    audit(6)
    assert (world.record.journal, world.record.strays) == (None, {1})
    assert caplog.text.count('could not be told') == 1


def test_an_open_journal_is_left_to_recovery(world, audit):
    journal = Journal('down', guest_only=True)
    world.saved = (replace(world.record, journal=journal), world.saved[1])
    world.online.add(1)
    audit(4)
    assert (asked(world), world.record.strays) == (0, {1})
    assert world.record.journal == journal


def test_a_server_that_is_being_scaled_waits(world, watch, audit):
    world.online.add(1)
    with watch._scaler.hold(fakes.UUID, 'the test holds it'):
        audit(4)
        watch.heard(NAME, frozenset({0, 1, 2}))
    assert world.effects == []
    audit(1)
    assert world.online == {0, 2}


@pytest.mark.parametrize(
    ('error', 'level'),
    [
        (exception.Interrupted(reason='moved'), logging.DEBUG),
        (RuntimeError('expected by the test'), logging.ERROR),
    ],
)
def test_what_goes_wrong_is_not_the_audits(
    watch, audit, world, monkeypatch, error, level, caplog
):
    @contextlib.contextmanager
    def refuse(uuid, reason):
        raise error
        yield

    monkeypatch.setattr(watch._scaler, 'hold', refuse)
    world.online.add(1)
    with caplog.at_level(logging.DEBUG):
        audit(3)
    assert [one.levelno for one in caplog.records if 'atch' in one.msg] == [
        level
    ]


def test_servers_that_left_are_forgotten(watch, audit, world):
    world.online.add(1)
    audit(3)
    watch.rebooted(fakes.UUID)
    watch.audited([])
    assert not any(
        [
            watch._reboots,
            watch._talks,
            watch._told,
            watch._warned,
            watch._announced,
        ]
    )
