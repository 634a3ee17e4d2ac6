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
"""Requests of a host: one at a time, at once or in the background."""

import contextlib
from dataclasses import replace
import logging
import threading
from unittest import mock

from nova import objects
from nova.compute import utils as compute_utils
from oslo_concurrency import lockutils
import pytest

from nova_ext import exception
from nova_ext.compute import scaler as scalers
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling import planning
from nova_ext.scaling import request
from nova_ext.scaling.contract import Wish
from nova_ext.scaling.operation import GuestRules
from tests.unit.compute import fakes
from tests.unit.scaling import fakes as worlds

RULES = GuestRules(timeout=1.0)
PATIENCE = 30
DOWN = Wish('down')


class Job:
    """A job on plain data, in place of the one on Nova's instance."""

    def __init__(self, world):
        self.world = world
        self.server = world.server
        self.record = world.record
        self.ports = world.ports

    def circumstances(self):
        return planning.Circumstances(
            'active', None, False, True, True, False, self.world.free
        )

    def carry_out(self, plan, record):
        self.world.entered.set()
        assert self.world.gate.wait(PATIENCE)
        # Nova's own operations on the instance hold it too.
        assert not lockutils.internal_lock(worlds.UUID).acquire(False)
        return request.carry_out(plan, self.server, record, self.ports, RULES)

    def recharge(self):
        self.world.recharged.append(lockutils.internal_lock(worlds.UUID))
        if self.world.recovery_error:
            raise self.world.recovery_error

    def recover(self):
        self.world.recovered += 1
        if self.world.recovery_error is None:
            _, layout = self.world.saved
            self.world.saved = (ScaleRecord(), layout)
        return self.world.recovery_error


@pytest.fixture
def world():
    found = worlds.World([{0: 10, 1: 11, 2: 12}])
    found.entered, found.gate = threading.Event(), threading.Event()
    found.gate.set()
    found.recovered, found.recovery_error = 0, None
    found.recharged = []
    return found


@pytest.fixture
def events(monkeypatch):
    """Return the errors, or None, with which instance events ended."""
    found = []

    @contextlib.contextmanager
    def report(context, name, host, uuid):
        assert (name, host, uuid) == (
            'compute_scale_instance',
            fakes.HOST,
            fakes.UUID,
        )
        try:
            yield
        except BaseException as error:
            found.append(error)
            raise
        found.append(None)

    monkeypatch.setattr(compute_utils, 'EventReporter', report)
    return found


@pytest.fixture
def scaler(monkeypatch, world, events):
    monkeypatch.setattr(
        objects.Instance,
        'get_by_uuid',
        lambda context, uuid, expected_attrs: uuid,
    )
    world.may_save = []

    def job(*args):
        world.may_save.append(args[-1])
        return Job(world)

    monkeypatch.setattr(scalers, 'Job', job)
    found = scalers.Scaler(
        mock.Mock(), mock.Mock(host=fakes.HOST), mock.Mock(), mock.Mock()
    )
    yield found
    world.gate.set()
    found.wait(PATIENCE)
    assert not found._threads


def test_a_request_that_is_waited_for(scaler, world, events):
    last = scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=True)
    assert (last.state, last.reached) == ('done', 2)
    assert world.disagreements() == []
    assert events == [None]


def test_a_request_that_is_not_waited_for(scaler, world, events):
    world.gate.clear()
    last = scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=False)
    assert last.state == 'in progress'
    assert world.claimed
    assert world.record.journal == Journal('down')
    assert events == []
    world.gate.set()
    scaler.wait(PATIENCE)
    assert world.record.last.state == 'done'
    assert world.disagreements() == []
    assert events == [None]


def test_a_failure_in_the_background_is_told_to_the_event(
    scaler, world, events, caplog
):
    world.refuses = 'no'
    with caplog.at_level(logging.WARNING):
        scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=False)
        scaler.wait(PATIENCE)
    assert 'scale request failed: The guest refused' in caplog.text
    assert [type(error) for error in events] == [exception.GuestRefused]
    assert world.record.last.state == 'failed'
    # And the server is free for the next one.
    world.refuses = ''
    assert scaler.scale(fakes.user(), fakes.UUID, DOWN, True).state == 'done'


def test_a_bug_in_the_background_is_logged(
    monkeypatch, scaler, world, events, caplog
):
    def carry_out(self, plan, record):
        raise RuntimeError('expected by the test')

    monkeypatch.setattr(Job, 'carry_out', carry_out)
    with caplog.at_level(logging.ERROR):
        scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=False)
        scaler.wait(PATIENCE)
    assert 'RuntimeError: expected by the test' in caplog.text
    assert [type(error) for error in events] == [RuntimeError]
    # And the server is not held for ever.
    with scaler.hold(fakes.UUID, 'a test'):
        pass


def test_a_thread_that_cannot_be_started_holds_nothing(
    monkeypatch, scaler, world, events
):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', start)
    with pytest.raises(RuntimeError, match='start new thread'):
        scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=False)
    with scaler.hold(fakes.UUID, 'a test'):
        pass
    assert scaler._threads == set()
    assert [type(error) for error in events] == [RuntimeError]
    # The next audit finds what was begun.
    assert world.record.journal == Journal('down')


def test_a_second_request_finds_the_server_busy(scaler, world, events):
    world.gate.clear()
    scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=False)
    assert world.entered.wait(PATIENCE)
    effects = list(world.effects)
    with pytest.raises(
        exception.ServerBusy, match='another scale request runs on it'
    ):
        scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=True)
    assert world.effects == effects
    world.gate.set()
    scaler.wait(PATIENCE)
    assert scaler.scale(fakes.user(), fakes.UUID, DOWN, True).reached == 1


def test_a_refusal(scaler, world, events):
    with pytest.raises(exception.CannotScaleBeyondLimits):
        scaler.scale(fakes.user(), fakes.UUID, Wish('up'), wait=False)
    assert world.record.last.state == 'refused'
    assert not world.claimed
    assert [type(error) for error in events] == [
        exception.CannotScaleBeyondLimits
    ]


def test_what_is_the_case_already(scaler, world, events):
    wish = Wish(target=3)
    last = scaler.scale(fakes.user(), fakes.UUID, wish, wait=True)
    assert (last.state, last.reached) == ('done', 3)
    assert world.effects == ['save']


def test_a_plan_changes_nothing(scaler, world, events):
    plan = scaler.plan(fakes.user(), fakes.UUID, DOWN)
    assert (plan.current, plan.target) == (3, 2)
    assert (world.effects, events) == ([], [])
    assert world.may_save == [False]


def journalled(world):
    _, layout = world.saved
    world.saved = (ScaleRecord(journal=Journal('up')), layout)


def test_an_earlier_request_is_recovered_first(scaler, world):
    journalled(world)
    last = scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=True)
    assert (last.state, last.reached) == ('done', 2)
    assert world.recovered == 1


def test_an_earlier_request_that_cannot_be_recovered(scaler, world, events):
    journalled(world)
    world.recovery_error = exception.PlacementFailed(reason='away')
    with pytest.raises(exception.PlacementFailed, match='away'):
        scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=True)
    assert world.record.journal == Journal('up')
    assert world.record.last.state == 'failed'
    assert 'away' in world.record.last.reason
    assert world.effects == ['save']
    assert [type(error) for error in events] == [exception.PlacementFailed]


def test_what_an_audit_found_is_recovered_in_the_background(scaler, world):
    journalled(world)
    scaler.recover(fakes.admin(), [fakes.UUID])
    scaler.wait(PATIENCE)
    assert world.recovered == 1
    scaler.recover(fakes.admin(), [fakes.UUID])
    scaler.wait(PATIENCE)
    assert world.recovered == 1


def test_allocations_are_corrected_in_the_background(scaler, world, caplog):
    world.recovery_error = exception.PlacementFailed(reason='away')
    with caplog.at_level(logging.INFO):
        scaler.recharge(fakes.admin(), [fakes.UUID, 'other'])
        scaler.wait(PATIENCE)
    assert len(world.recharged) == 2
    assert 'was not corrected; the next audit tries again' in caplog.text


def test_a_server_that_is_being_scaled_is_not_recovered(scaler, world):
    world.gate.clear()
    scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=False)
    assert world.entered.wait(PATIENCE)
    scaler._recover_all(fakes.admin(), [fakes.UUID])
    assert world.recovered == 0


def test_a_recovery_that_fails_keeps_nothing_from_the_next(
    monkeypatch, scaler, world, caplog
):
    tried = []

    def recover(context, uuid):
        tried.append(uuid)
        if uuid == 'first':
            raise RuntimeError('gone')

    monkeypatch.setattr(scaler, '_recover', recover)
    with caplog.at_level(logging.ERROR):
        scaler.recover(fakes.admin(), ['first', 'second'])
        scaler.wait(PATIENCE)
    assert tried == ['first', 'second']
    assert 'Server first: its scale request was not recovered' in caplog.text


def test_a_guest_that_never_answers_is_asked_less_and_less(scaler, world):
    record, layout = world.saved
    world.saved = (replace(record, journal=Journal('down')), layout)
    world.recovery_error = exception.GuestSilent(timeout=1)
    for _ in range(40):
        scaler.recover(fakes.admin(), [fakes.UUID])
        scaler.wait(PATIENCE)
    assert world.recovered < 12
    # Whoever asks for more or fewer vCPUs does not wait for that.
    before = world.recovered
    with pytest.raises(exception.GuestSilent):
        scaler.scale(fakes.user(), fakes.UUID, DOWN, wait=True)
    assert world.recovered == before + 1
