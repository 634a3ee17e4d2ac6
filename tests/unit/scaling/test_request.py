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
"""A request's way through its states, as the record tells people."""

from dataclasses import replace
import logging
import re

import pytest

from nova_ext import exception
from nova_ext.model.record import Journal
from nova_ext.model.record import LastRequest
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling import planning
from nova_ext.scaling import request
from nova_ext.scaling.contract import Blocker
from nova_ext.scaling.contract import Plan
from nova_ext.scaling.contract import Wish
from nova_ext.scaling.operation import GuestRules
from nova_ext.scaling.recovery import Recovered
from tests.unit.scaling import fakes

RULES = GuestRules(timeout=1.0)
IN_PROGRESS = LastRequest('req-1', 'down', 1, 2, 'in progress', '', 'then')


@pytest.fixture
def world():
    return fakes.World([{0: 10, 1: 11, 2: 12}])


def plan_of(world, wish):
    now = planning.Circumstances(
        'active', None, False, True, True, False, world.free
    )
    return planning.make_plan(world.server, wish, now)


def begin(world, plan):
    return request.begin(
        'req-1', plan, world.record, world.ports.store, world.server
    )


def carry_out(world, plan, record, ports=None):
    return request.carry_out(
        plan, world.server, record, ports or world.ports, RULES
    )


def test_a_refusal_is_recorded(world):
    plan = plan_of(world, Wish(target=9))
    with pytest.raises(exception.CannotScaleBeyondLimits):
        request.refuse('req-1', plan, world.record, world.ports.store)
    last = world.record.last
    assert (last.request_id, last.state) == ('req-1', 'refused')
    assert (last.direction, last.target, last.reached) == ('up', 9, 3)
    assert last.reason == 'When scaling, cannot scale beyond limits!'
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', last.updated_at)
    assert world.record.journal is None
    assert world.effects == ['save']


def test_a_busy_server_is_refused_without_a_save(world):
    busy = Blocker(exception.ServerBusy(reason='busy'), 'Wait.')
    plan = Plan(3, 2, (), (busy, busy))
    with pytest.raises(exception.ServerBusy, match='busy'):
        request.refuse('req-1', plan, world.record, world.ports.store)
    assert world.effects == []


def test_nothing_is_refused_without_a_blocker(world):
    plan = plan_of(world, Wish('down'))
    request.refuse('req-1', plan, world.record, world.ports.store)
    assert world.effects == []


def test_a_request_is_journalled_before_anything_happens(world):
    begun = begin(world, plan_of(world, Wish('down')))
    assert begun == world.record
    assert begun.journal == Journal('down')
    assert begun.last.state == 'in progress'
    assert (begun.last.target, begun.last.reached) == (2, 3)
    assert world.claimed
    with pytest.raises(exception.ServerBusy):
        begin(world, plan_of(world, Wish('down')))


def test_a_request_whose_caller_has_its_error_does_not_begin(world):
    def withdraw(effect, at):
        # In time, if only just: nova-api saw no claim.
        assert (effect, world.claimed) == ('save', False)
        world.withdrawn.add('req-1')
        world.before = lambda effect, at: None

    world.before = withdraw
    with pytest.raises(exception.Withdrawn, match='withdrawn, and nothing'):
        begin(world, plan_of(world, Wish('down')))
    last = world.record.last
    assert (last.request_id, last.state, last.reached) == (
        'req-1',
        'failed',
        3,
    )
    assert 'did not answer in time' in last.reason
    assert world.effects == ['save', 'save']
    assert world.disagreements() == []


def test_another_request_that_was_withdrawn_is_in_no_ones_way(world):
    world.withdrawn.add('req-0')
    assert begin(world, plan_of(world, Wish('down'))).journal


def test_what_is_the_case_already_is_done_at_once(world):
    plan = plan_of(world, Wish(target=3))
    last = request.skip('req-1', plan, world.record, world.ports.store)
    assert (last.state, last.target, last.reached) == ('done', 3, 3)
    assert world.record.last == last
    assert world.effects == ['save']


def test_a_request_to_a_target_is_done_in_steps(world):
    plan = plan_of(world, Wish(target=1))
    last = carry_out(world, plan, begin(world, plan))
    assert (last.state, last.target, last.reached) == ('done', 1, 1)
    assert (last.request_id, last.reason) == ('req-1', '')
    assert world.record.last == last
    assert world.disagreements() == []


def test_it_stops_at_the_first_failure_and_says_how_far_it_came(world):
    plan = plan_of(world, Wish(target=1))
    begun = begin(world, plan)

    def fail(effect, at):
        if effect == 'guest off' and len(world.online) == 2:
            raise exception.GuestRefused(reason='enough')

    world.before = fail
    with pytest.raises(exception.GuestRefused, match='enough'):
        carry_out(world, plan, begun)
    last = world.record.last
    assert (last.state, last.target, last.reached) == ('failed', 1, 2)
    assert last.reason == 'The guest refused the scale request: enough'
    assert world.disagreements() == []


def test_a_failure_nobody_thought_of_is_undone_and_told(world, caplog):
    plan = plan_of(world, Wish('down'))
    begun = begin(world, plan)

    def fail(effect, at):
        if effect == 'pin':
            world.before = lambda effect, at: None
            raise RuntimeError('boom on compute7, SELECT * FROM nova')

    world.before = fail
    with caplog.at_level(logging.ERROR):
        with pytest.raises(exception.StepFailed) as caught:
            carry_out(world, plan, begun)
    assert caught.value.code == 503
    assert str(caught.value) == (
        'Problem scaling instance as requested: RuntimeError. The log of '
        'nova-compute has the rest.'
    )
    assert 'boom on compute7' in caplog.text
    assert world.record.last.reason == str(caught.value)
    assert world.disagreements() == []


def test_an_end_that_cannot_be_saved_leaves_the_rest_to_the_audit(
    world, caplog
):
    plan = plan_of(world, Wish('down'))
    begun = begin(world, plan)

    def fail(effect, at):
        if effect == 'save' and 'placement' in world.effects:
            raise exception.SavingFailed(reason='away')

    world.before = fail
    with caplog.at_level(logging.WARNING):
        last = carry_out(world, plan, begun)
    assert (last.state, last.reached) == ('done', 2)
    assert 'the end of its scale request was not saved' in caplog.text
    # The claim and the journal stay, for recovery from what was told.
    assert world.claimed
    assert world.record.journal == Journal('down', 2)
    end, layout = world.kept
    assert (end.last, end.journal) == (last, None)
    assert layout == world.server.layout


def test_an_end_that_another_operation_took_is_as_it_was(world):
    plan = plan_of(world, Wish('down'))
    begun = begin(world, plan)

    def fail(effect, at):
        if effect == 'save' and 'placement' in world.effects:
            raise exception.Interrupted(reason='deleted')

    world.before = fail
    last = carry_out(world, plan, begun)
    assert (last.state, last.reached) == ('done', 2)
    assert world.kept[0].last == last


def recovered(world, state, journal=None):
    record = ScaleRecord(
        journal=Journal('down'), last=replace(IN_PROGRESS, state=state)
    )
    layout = world.server.layout.without(2).without(1)
    return request.after_recovery(record, Recovered(layout, journal))


def test_a_recovered_request_that_came_to_its_target_is_done(world):
    found = recovered(world, 'in progress')
    assert found.offline == {1, 2}
    assert found.journal is None
    assert (found.last.state, found.last.reached) == ('done', 1)
    assert found.last.reason == ''
    assert found.last.updated_at != 'then'


def test_a_recovered_request_that_did_not_has_failed(world):
    record = ScaleRecord(journal=Journal('down'), last=IN_PROGRESS)
    found = request.after_recovery(
        record, Recovered(world.server.layout, None)
    )
    assert (found.last.state, found.last.reached) == ('failed', 3)
    assert found.last.reason == request.INTERRUPTED


def test_a_request_that_had_failed_before_keeps_its_reason(world):
    open_journal = Journal('down', guest_only=True)
    found = recovered(world, 'failed', open_journal)
    assert found.journal == open_journal
    assert (found.last.state, found.last.reached) == ('failed', 1)
    assert found.last.updated_at == 'then'


def test_a_record_without_a_last_request_is_recovered_too(world):
    found = request.after_recovery(
        ScaleRecord(journal=Journal('up')),
        Recovered(world.server.layout, None),
    )
    assert found == ScaleRecord()
