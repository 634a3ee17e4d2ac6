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
"""Recovery: all follows the record, in the order of safety."""

from dataclasses import replace

import pytest

from nova_ext import exception
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling.operation import GuestRules
from nova_ext.scaling.recovery import Recovery
from tests.unit.scaling import fakes

RULES = GuestRules(timeout=1.0)
DOWN = Journal('down')


def scaled(offline=(1,), realtime=frozenset()):
    """Return a world whose saved record has vCPUs offline, and all agrees."""
    world = fakes.World([{0: 10, 1: 11, 2: 12}], realtime=realtime)
    layout = world.server.layout
    for vcpu in offline:
        layout = layout.without(vcpu)
    world.saved = (ScaleRecord(layout.offline), layout)
    world.counted = layout
    world.charged = len(layout.online)
    world.threads = layout.pins
    world.fifo = set(layout.realtime & layout.online)
    world.online = set(layout.online)
    world.emulator = frozenset(
        layout.pins[vcpu] for vcpu in layout.online - layout.realtime
    )
    assert world.disagreements() == []
    return world


def recover(world, journal=DOWN, ports=None, **how):
    record, layout = world.saved
    world.saved = (replace(record, journal=journal), layout)
    found = Recovery(
        world.server,
        world.record,
        ports or world.ports,
        RULES,
        **{'running': True, 'listening': True, **how},
    ).run()
    record, _ = world.saved
    world.saved = (
        replace(record, offline=found.layout.offline, journal=found.journal),
        found.layout,
    )
    return found


def refusing(world, *vcpus):
    """Return ports of a guest that refuses to bring some vCPUs online."""

    class Guest(fakes.Guest):
        def bring_online(self, name, vcpu, online, timeout):
            if vcpu in vcpus:
                raise exception.GuestRefused(reason='no %d' % vcpu)
            super().bring_online(name, vcpu, online, timeout)

    return replace(world.ports, guest=Guest(world))


class OldGuest(fakes.Guest):
    """An agent that does not know which vCPU the host would like to go."""

    def take_offline(self, name, timeout, vcpu=None):
        choices = self.world.online - {0}
        if not choices:
            raise exception.GuestRefused(reason='nothing to take')
        return super().take_offline(name, timeout, max(choices))


def test_pins_policies_placement_and_guest_follow_the_record():
    world = scaled([2], realtime=frozenset({1, 2}))
    world.threads = {0: 12, 1: 12, 2: 12}
    world.fifo = {2}
    world.charged = 3
    world.emulator = frozenset({11})
    world.online = {0, 2}
    found = recover(world, Journal('down', 2))
    assert found.journal is None
    assert world.disagreements() == []


def test_a_real_time_thread_leaves_its_policy_before_its_core():
    world = scaled([2], realtime=frozenset({1, 2}))
    world.fifo = {1, 2}
    recover(world, Journal('down', 2))
    order = [name for name in world.effects if name != 'pin emulator']
    assert order.index('ordinary') < order.index('pin')
    assert order.index('pin') < order.index('real-time')
    assert order.index('real-time') < order.index('placement')
    assert order.index('placement') < order.index('guest on')


def test_cores_get_power_before_anything_is_pinned_to_them():
    world = scaled([])
    world.powered = {10}
    recover(world, Journal('up', 1))
    assert world.effects.index('power up') < world.effects.index('pin')
    assert world.disagreements() == []


def test_twice_does_no_harm():
    world = scaled([1])
    recover(world, Journal('down', 1))
    recover(world, Journal('down', 1))
    assert world.disagreements() == []


def test_pins_that_were_saved_without_their_record_are_settled():
    world = scaled([1])
    world.saved = (ScaleRecord(), world.saved[1])
    assert recover(world).layout.offline == {1}
    world.online.discard(1)
    assert world.disagreements() == []


def half_saved():
    """Return a world in which only the pins of a step down were saved.

    They do not tell that it was vCPU 1 that went offline.
    """
    world = fakes.World([{0: 10}, {1: 11, 2: 12}])
    layout = replace(world.server.layout.without(1), offline=frozenset())
    world.saved = (ScaleRecord(), layout)
    world.counted, world.threads = layout, layout.pins
    world.online = {0, 2}
    return world


def test_the_guest_is_told_which_of_two_on_a_pcpu_is_parked():
    world = half_saved()
    found = recover(world, Journal('down'))
    assert found.layout.offline == {2}
    assert found.journal is None
    assert world.online == {0, 1}
    assert world.disagreements() == []


def test_a_guest_that_is_told_later_which_is_parked():
    world = half_saved()
    found = recover(world, Journal('up', 1), listening=False)
    assert found.journal == Journal('down', 2, guest_only=True)
    assert world.saved[0].offline == {2}


def test_a_stopped_server_has_no_threads_and_no_guest():
    world = scaled([1])
    world.charged = 3
    found = recover(world, running=False, listening=False)
    assert found.journal is None
    assert world.effects == ['placement']


def test_a_guest_that_does_not_listen_is_asked_later():
    world = scaled([1])
    world.online = {0, 1, 2}
    found = recover(world, Journal('down', 1), listening=False)
    assert found.journal == Journal('down', 1, guest_only=True)
    assert world.online == {0, 1, 2}
    world.effects.clear()
    assert recover(world, found.journal).journal is None
    assert set(world.effects) == {'guest on', 'guest off'}
    assert world.disagreements() == []


def test_a_silent_guest_is_asked_again_by_the_next_audit():
    world = scaled([1])
    world.silent = True
    found = recover(world, Journal('down', 1))
    assert found.journal == Journal('down', 1, guest_only=True)
    assert isinstance(found.error, exception.GuestSilent)


def test_what_fails_is_tried_again_from_the_start():
    world = scaled([1])

    def fail(effect, at):
        if effect == 'placement':
            raise exception.PlacementFailed(reason='away')

    world.before = fail
    journal = Journal('down', 1)
    assert recover(world, journal).journal == journal
    world.before = lambda effect, at: None
    assert recover(world, journal).journal is None
    assert world.disagreements() == []


def test_a_failure_nobody_thought_of_is_tried_again_too(caplog):
    world = scaled([1])

    def fail(effect, at):
        raise RuntimeError('the domain is gone')

    world.before = fail
    journal = Journal('down', 1)
    found = recover(world, journal)
    assert found.journal == journal
    assert str(found.error).endswith(
        'RuntimeError. The log of nova-compute has the rest.'
    )
    assert 'the domain is gone' in caplog.text


def test_a_scale_up_that_the_guest_refuses_gives_its_core_back():
    world = scaled([], realtime=frozenset({1}))
    world.online = {0, 2}
    found = recover(world, Journal('up', 1), ports=refusing(world, 1))
    assert found.layout.offline == {1}
    assert found.journal is None
    assert world.powered == {10, 12}
    assert world.disagreements() == []


def test_a_core_is_given_back_only_with_a_claim_on_the_server():
    world = scaled([])
    world.online = {0, 2}
    journal = Journal('up', 1, guest_only=True)
    found = recover(world, journal, ports=refusing(world, 1))
    assert set(world.effects) <= {'guest on'}
    assert found.layout.offline == frozenset()
    assert found.journal == Journal('up', 1)
    found = recover(world, found.journal, ports=refusing(world, 1))
    assert found.journal is None
    assert world.disagreements() == []


def test_a_scale_up_whose_undo_failed_is_undone():
    """The caller was told that it failed: its core must not stay."""
    world = scaled([], realtime=frozenset({1}))
    found = recover(world, Journal('up', 1, undo=True))
    assert found.layout.offline == {1}
    assert found.journal is None
    assert world.effects.index('ordinary') < world.effects.index('pin')
    assert world.effects.index('pin') < world.effects.index('placement')
    assert world.disagreements() == []


def test_a_stopped_server_whose_undo_failed_has_no_threads_to_pin():
    world = scaled([])
    found = recover(
        world, Journal('up', 1, undo=True), running=False, listening=False
    )
    assert found.layout.offline == {1}
    assert found.journal is None
    assert world.effects == ['save', 'placement']


def test_a_scale_down_whose_undo_failed_stays_as_it_was_saved():
    world = scaled([1])
    found = recover(world, Journal('down', 1, undo=True))
    assert found.layout.offline == {1}
    assert found.journal is None
    assert world.disagreements() == []


def test_a_guest_that_refuses_another_vcpu_keeps_the_journal():
    world = scaled([])
    found = recover(world, Journal('up', 1), ports=refusing(world, 2))
    assert found.layout.offline == frozenset()
    assert found.journal == Journal('up', 1, guest_only=True)


def test_a_vcpu_that_an_old_agent_chose_instead_comes_back():
    world = scaled([1])
    world.online = {0, 1, 2}
    ports = replace(world.ports, guest=OldGuest(world))
    recover(world, Journal('down', 1), ports=ports)
    assert world.online >= world.server.layout.online


def test_an_old_agent_with_nothing_to_take_ends_the_recovery():
    """The vCPU is offline already, and vCPU 0 is all that is left."""
    world = scaled([1, 2])
    ports = replace(world.ports, guest=OldGuest(world))
    found = recover(world, Journal('down', 2), ports=ports)
    assert found.journal is None
    assert world.disagreements() == []


@pytest.mark.parametrize('journal', [DOWN, Journal('up')])
def test_a_request_that_had_not_switched_anything(journal):
    """The guest is told what is online, and asked for nothing else."""
    world = scaled([])
    world.online = {0, 1}
    recover(world, journal)
    assert 'guest off' not in world.effects
    assert world.disagreements() == []
