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
from typing import Any

import pytest

from nova_ext.channel import limits
from nova_ext.channel import router
from nova_ext.channel import splice
from nova_ext.channel import tally
from nova_ext.wire import header
from tests.unit.channel import fakes


class Party:
    """A guest or a program that keeps what it gets."""

    def __init__(self, name: str, full: str | None = None) -> None:
        self.name = self.instance = self.address = name
        self.asked = router.asked_by(name)
        self.splicer: Any = None
        self.tally = tally.Tally()
        self.gate = limits.LogGate()
        self.full = full
        self.got: list[bytes] = []

    def send(self, *message: Any) -> str | None:
        if self.full is None:
            self.got.append(message[-1])
        return self.full


def a_guest(name: str, full: str | None = None) -> Party:
    made = Party(name, full)
    made.splicer = splice.FromGuest(name, 31)
    return made


def a_program(address: str, full: str | None = None) -> Party:
    made = Party(address, full)
    made.splicer = splice.FromProgram(address)
    return made


@pytest.fixture
def made() -> router.Router:
    one = router.Router(limits.Limits())
    one.guests['i-1'] = a_guest('i-1')
    return one


def line(dest: str) -> bytes:
    return header.serial('{"a":1}', dest, 'cgcs.scale')


def test_a_guests_line_goes_to_the_program_it_names(made) -> None:
    program = a_program('cgcs.x')
    assert made.bind('cgcs.x', program)
    made.from_guest(made.guests['i-1'], [line('cgcs.x')])
    assert program.got == [
        b'{"data":{"a":1},"version":2,"source_addr":"cgcs.scale",'
        b'"source_instance":"i-1"}'
    ]
    assert fakes.outcomes(made.totals()) == {'to_program': 1}


def test_a_programs_packet_goes_to_the_guest_it_names(made) -> None:
    program = a_program('cgcs.x')
    made.from_program(program, header.from_host_program('i-1', 'a', [1]))
    assert made.guests['i-1'].got == [
        b'{"data":[1],"version":2,"dest_addr":"a","source_addr":"cgcs.x"}\n'
    ]
    assert fakes.outcomes(made.totals()) == {'to_guest': 1}


def test_an_address_has_one_owner(made) -> None:
    first, second = a_program('a'), a_program('a')
    assert made.bind('a', first)
    assert made.bind('a', first)
    assert not made.bind('a', second)
    made.unbind('a', second)
    assert not made.bind('a', second)
    made.unbind('a', first)
    assert made.bind('a', second)


@pytest.mark.parametrize(
    ('asked', 'reached'), [(set(), 0), ({'i-2'}, 0), ({'i-1'}, 1)]
)
def test_a_scale_address_is_for_the_guest_that_was_asked(
    made, asked: set[str], reached: int
) -> None:
    program = a_program('scale-01234567')
    program.asked = asked
    made.bind(program.address, program)
    made.from_guest(made.guests['i-1'], [line(program.address)])
    assert len(program.got) == reached
    assert fakes.outcomes(made.totals())['dropped: not_asked'] == 1 - reached


def test_only_scale_addresses_remember_whom_they_asked(made) -> None:
    for address, asked in (('scale-1', {'i-1'}), ('cgcs.x', None)):
        program = a_program(address)
        made.from_program(program, header.from_host_program('i-1', 'a', 1))
        assert program.asked == asked


@pytest.mark.parametrize(
    ('dest', 'kind'),
    [('nobody', 'no_program'), ('cgcs.full', 'program_full')],
)
def test_what_a_guest_cannot_deliver_is_counted(
    made, dest: str, kind: str, caplog
) -> None:
    made.bind('cgcs.full', a_program('cgcs.full', tally.PROGRAM_FULL))
    made.from_guest(made.guests['i-1'], [line(dest)])
    assert fakes.outcomes(made.totals()) == {'dropped: ' + kind: 1}
    assert 'Dropped a message from i-1' in caplog.text


@pytest.mark.parametrize(
    ('packet', 'kind'),
    [
        (b'junk', 'malformed'),
        (header.from_host_program('nobody', 'a', 1), 'no_guest'),
        (header.from_host_program('i-1', 'a', 'x' * 65536), 'too_long'),
        (header.from_host_program('full', 'a', 1), 'guest_full'),
    ],
)
def test_what_a_program_cannot_deliver_is_counted(
    made, packet: bytes, kind: str, caplog
) -> None:
    made.guests['full'] = a_guest('full', tally.GUEST_FULL)
    made.from_program(a_program('cgcs.x'), packet)
    assert fakes.outcomes(made.totals()) == {'dropped: ' + kind: 1}
    assert 'Dropped a message from cgcs.x' in caplog.text


def test_an_unknown_guest_is_looked_for_before_its_message_is_dropped() -> (
    None
):
    found = a_guest('i-2')
    made = router.Router(
        limits.Limits(),
        seek=lambda instance: made.guests.update({'i-2': found}),
    )
    made.from_program(a_program('a'), header.from_host_program('i-2', 'b', 1))
    made.from_program(a_program('a'), header.from_host_program('i-3', 'b', 1))
    assert len(found.got) == 1
    assert fakes.outcomes(made.totals()) == {
        'to_guest': 1,
        'dropped: no_guest': 1,
    }


def test_others_are_asked_for_addresses_that_nobody_bound() -> None:
    other = a_program('cgcs.other')

    class Others:
        def find(self, address: str) -> Party | None:
            return other if address == other.address else None

    made = router.Router(limits.Limits(), Others())
    made.from_guest(a_guest('i-1'), [line('cgcs.other')])
    made.from_guest(a_guest('i-1'), [line('cgcs.nobody')])
    assert len(other.got) == 1
    bound = a_program('cgcs.other')
    made.bind('cgcs.other', bound)
    made.from_guest(a_guest('i-1'), [line('cgcs.other')])
    assert (len(bound.got), len(other.got)) == (1, 1)
