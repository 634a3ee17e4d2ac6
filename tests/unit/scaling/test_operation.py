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
"""One vCPU down and up, with every step failing, and the process dying."""

from collections.abc import Callable
import contextlib
from dataclasses import replace
import functools
from typing import Any

import pytest

from nova_ext import exception
from nova_ext.model.record import LastRequest
from nova_ext.scaling import planning
from nova_ext.scaling import request
from nova_ext.scaling.contract import Wish
from nova_ext.scaling.operation import GuestRules
from nova_ext.scaling.recovery import Recovery
from tests.unit.scaling import fakes

RULES = GuestRules(timeout=1.0)

WORLDS: dict[str, Callable[[], fakes.World]] = {
    'two': lambda: fakes.World([{0: 10, 1: 11}]),
    'four real-time': lambda: fakes.World(
        [{0: 10, 1: 11, 2: 12, 3: 13}], realtime=frozenset({1, 2, 3})
    ),
    'two cells': lambda: fakes.World(
        [{0: 0, 1: 1, 2: 2}, {3: 5, 4: 6, 5: 7}], minimum=2
    ),
    'parking vCPU moves': lambda: _with_choice(
        fakes.World([{0: 0}, {1: 4, 2: 5, 3: 6}]), 1
    ),
}


def _with_choice(world: fakes.World, choice: int) -> fakes.World:
    scale(world, 'down')
    world.choice = choice
    return world


def circumstances(world: fakes.World) -> planning.Circumstances:
    return planning.Circumstances(
        vm_state='active',
        task_state='resize_prep' if world.claimed else None,
        locked=False,
        running=True,
        listening=True,
        host_picks=False,
        free_pcpus=world.free,
    )


def scale(
    world: fakes.World, direction: str, rules: GuestRules = RULES
) -> LastRequest:
    """Carry out one request as nova-compute does."""
    plan = planning.make_plan(
        world.server, Wish(direction), circumstances(world)
    )
    request.refuse('req', plan, world.record, world.ports.store)
    begun = request.begin(
        'req', plan, world.record, world.ports.store, world.server
    )
    return request.carry_out(plan, world.server, begun, world.ports, rules)


def recover(world: fakes.World) -> None:
    """Do what the next audit does."""
    world.restore()
    if not world.record.journal:
        world.ports.allocation.charge(world.server.layout)
        return
    recovered = Recovery(
        world.server,
        world.record,
        world.ports,
        RULES,
        running=True,
        listening=True,
    ).run()
    world.ports.store.finish(
        request.after_recovery(world.record, recovered), recovered.layout
    )


def prepared(name: str, direction: str) -> fakes.World:
    world = WORLDS[name]()
    if direction == 'up':
        scale(world, 'down')
    world.effects.clear()
    return world


@functools.cache
def cases() -> list[tuple[str, str, int]]:
    """Return every effect of every request: world, direction, index."""
    found = []
    for name in WORLDS:
        for direction in ('down', 'up'):
            world = prepared(name, direction)
            scale(world, direction)
            found += [
                (name, direction, index) for index in range(len(world.effects))
            ]
    return found


def raises_before_the_end(
    name: str, direction: str, index: int, text: str
) -> contextlib.AbstractContextManager[Any]:
    """Expect an error, unless all that counts is done and saved.

    That is so at the end, and when a step down has given its core back.
    """
    done = 1 if direction == 'up' else 2
    if (name, direction, index + done) not in cases():
        return contextlib.nullcontext()
    return pytest.raises(exception.NovaExtError, match=text)


@pytest.mark.parametrize('name', WORLDS)
def test_down_and_up_agree(name: str) -> None:
    world = WORLDS[name]()
    online = len(world.server.layout.online)
    last = scale(world, 'down')
    assert (last.state, last.reached) == ('done', online - 1)
    assert world.disagreements() == []
    last = scale(world, 'up')
    assert (last.state, last.reached) == ('done', online)
    assert world.disagreements() == []


def test_down_releases_last() -> None:
    world = prepared('four real-time', 'down')
    scale(world, 'down')
    assert world.effects == [
        'save', 'guest off', 'ordinary', 'pin', 'save', 'placement', 'save',
    ]  # fmt: skip


def test_up_acquires_first() -> None:
    world = prepared('four real-time', 'up')
    scale(world, 'up')
    assert world.effects == [
        'save', 'placement', 'save', 'pin', 'real-time', 'guest on', 'save',
    ]  # fmt: skip


def test_power_follows_the_cores() -> None:
    world = prepared('two', 'down')
    scale(world, 'down')
    assert world.powered == {10}
    scale(world, 'up')
    assert world.powered == {10, 11}


def test_the_emulator_leaves_the_freed_core() -> None:
    world = prepared('two', 'down')
    scale(world, 'down')
    assert world.emulator == frozenset({10})
    scale(world, 'up')
    assert world.emulator == frozenset({10, 11})


def test_parked_vcpus_follow_their_parking_vcpu() -> None:
    world = WORLDS['parking vCPU moves']()
    assert world.threads == {0: 0, 1: 4, 2: 5, 3: 4}
    scale(world, 'down')
    assert world.threads == {0: 0, 1: 5, 2: 5, 3: 5}
    assert world.disagreements() == []


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('name', 'direction', 'index'), cases())
def test_a_failed_step_is_undone(
    name: str, direction: str, index: int, when: str
) -> None:
    world = prepared(name, direction)

    def fail(effect: str, at: int) -> None:
        if at == index:
            raise exception.SavingFailed(reason='broken %s' % effect)

    setattr(world, when, fail)
    with raises_before_the_end(name, direction, index, 'broken'):
        scale(world, direction)
    assert world.fifo_off_core() == set()
    recover(world)
    assert world.disagreements() == []


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('name', 'direction', 'index'), cases())
def test_a_dead_process_is_recovered(
    name: str, direction: str, index: int, when: str
) -> None:
    world = prepared(name, direction)

    def die(effect: str, at: int) -> None:
        if at >= index:
            raise fakes.Died(effect)

    setattr(world, when, die)
    with pytest.raises(fakes.Died):
        scale(world, direction)
    assert world.fifo_off_core() == set()
    # A new process counts from what is saved.
    record, layout = world.saved
    world.counted = replace(layout, offline=record.offline)
    setattr(world, when, lambda effect, at: None)
    recover(world)
    assert world.disagreements() == []


@pytest.mark.parametrize(('name', 'direction', 'index'), cases())
def test_everything_fails_from_a_step_on(
    name: str, direction: str, index: int
) -> None:
    """Neither the step nor any undo works: nothing is owned twice."""
    world = prepared(name, direction)
    owned = world.counted.pcpus
    online = len(world.server.layout.online)

    def fail(effect: str, at: int) -> None:
        if at >= index and effect == 'save':
            raise exception.SavingFailed(reason='all is lost')
        if at >= index:
            raise RuntimeError('all is lost')

    world.before = fail
    with raises_before_the_end(name, direction, index, 'is lost|RuntimeErr'):
        scale(world, direction)
    used = {world.threads[vcpu] for vcpu in world.online}
    assert used <= world.counted.pcpus | owned
    assert world.fifo_off_core() == set()
    world.before = lambda effect, at: None
    recover(world)
    assert world.disagreements() == []
    if direction == 'up' and index and world.record.last:
        # The caller was told that it failed.
        finished = world.record.last.state == 'done'
        assert len(world.server.layout.online) == online + finished


def test_no_call_under_the_lock_but_the_save() -> None:
    world = prepared('four real-time', 'down')
    scale(world, 'down')
    scale(world, 'up')
    assert set(world.calls_under_lock) == {'save'}


def test_budget_of_a_step() -> None:
    for direction in ('down', 'up'):
        world = prepared('four real-time', direction)
        scale(world, direction)
        assert world.effects.count('save') == 3
        assert world.effects.count('placement') == 1
        assert sum(name.startswith('guest') for name in world.effects) == 1


@pytest.mark.parametrize(
    ('choice', 'error', 'text'),
    [
        (0, exception.GuestChoiceRejected, 'Cpu 0 cannot go offline: vCPU 0'),
        (
            9,
            exception.CannotOfflineCpu,
            'Cpu 9 is already offline or out of range.',
        ),
        (
            2,
            exception.CannotOfflineCpu,
            'Cpu 2 is already offline or out of range.',
        ),
    ],
)
def test_a_wrong_choice_is_brought_back(
    choice: int, error: Any, text: str
) -> None:
    world = fakes.World([{0: 0, 1: 1, 2: 2}])
    scale(world, 'down')
    world.choice = choice
    with pytest.raises(error, match=text):
        scale(world, 'down')
    assert world.disagreements() == []
    assert world.record.last and world.record.last.state == 'failed'


def test_the_last_vcpu_of_a_cell_is_brought_back() -> None:
    world = fakes.World([{0: 0, 1: 1}, {2: 4}])
    world.choice = 2
    with pytest.raises(
        exception.GuestChoiceRejected, match='last online vCPU of its NUMA'
    ):
        scale(world, 'down')
    assert world.disagreements() == []


def test_the_last_ordinary_vcpu_is_brought_back() -> None:
    world = fakes.World([{0: 0, 1: 1, 2: 2}], realtime=frozenset({0, 2}))
    world.choice = 1
    with pytest.raises(
        exception.GuestChoiceRejected, match='last online vCPU that is not'
    ):
        scale(world, 'down')
    assert world.disagreements() == []


@pytest.mark.parametrize('direction', ['down', 'up'])
def test_a_silent_guest_fails_and_is_looked_at_again(direction: str) -> None:
    world = prepared('two', direction)
    before = world.server.layout
    world.silent = True
    with pytest.raises(exception.GuestSilent, match='within 1.0 s'):
        scale(world, direction)
    assert world.server.layout == before
    assert world.record.journal and world.record.journal.guest_only
    # The guest acts on the request all the same, only too late.
    world.online ^= {1}
    world.silent = False
    recover(world)
    assert world.disagreements() == []
    assert world.server.layout == before


def test_the_host_picks_for_a_silent_guest_where_told() -> None:
    world = prepared('two', 'down')
    world.silent = True
    scale(world, 'down', GuestRules(timeout=1.0, host_picks=True))
    assert world.server.layout.offline == {1}
    assert world.record.journal is None


def test_a_guest_that_refuses_to_come_up_gives_the_core_back() -> None:
    world = prepared('two', 'up')
    world.refuses = 'no'
    with pytest.raises(exception.GuestRefused, match='refused.*: no'):
        scale(world, 'up')
    assert world.disagreements() == []


def test_a_step_down_whose_charge_is_late_is_done() -> None:
    """Its core may be another's by now; an audit corrects the charge."""
    world = prepared('two', 'down')

    def fail(effect: str, at: int) -> None:
        if effect == 'placement':
            world.others.add(11)
            raise exception.PlacementFailed(reason='away')

    world.before = fail
    last = scale(world, 'down')
    assert (last.state, last.reached) == ('done', 1)
    assert (world.record.journal, world.claimed) == (None, False)
    assert world.disagreements() == ['placement: 2, wanted 1']
    world.before = lambda effect, at: None
    recover(world)
    assert world.disagreements() == []


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('name', 'direction', 'index'), cases())
def test_the_caller_is_told_what_is_so_in_the_end(
    name: str, direction: str, index: int, when: str
) -> None:
    """No save arrives from a step on, or one does and its answer does not.

    The guest keeps silent on the way up, where it comes so far.
    """
    world = prepared(name, direction)
    world.silent = direction == 'up'

    def fail(effect: str, at: int) -> None:
        if at >= index and effect == 'save':
            world.before = lose
            raise exception.SavingFailed(reason='lost')

    def lose(effect: str, at: int) -> None:
        if effect == 'save':
            raise exception.SavingFailed(reason='lost')

    setattr(world, when, fail)
    told = 'done'
    try:
        scale(world, direction)
    except exception.NovaExtError:
        told = 'failed'
    world.before = world.after = lambda effect, at: None
    world.silent = False
    recover(world)
    assert world.disagreements() == []
    last = world.record.last
    if last and index:
        assert last.state == told
        assert (last.reached == last.target) == (told == 'done')
