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
import pytest

from nova_ext.channel import limits
from nova_ext.channel import router
from nova_ext.wire import header


class Party:
    """A guest or a program that keeps what it gets."""

    def __init__(self, name: str, full: str | None = None) -> None:
        self.name = self.instance = self.address = name
        self.asked: set[str] = set()
        self.gate = limits.LogGate()
        self.full = full
        self.got: list[bytes] = []

    def send(self, message: bytes) -> str | None:
        if self.full is None:
            self.got.append(message)
        return self.full


@pytest.fixture
def made() -> router.Router:
    one = router.Router(limits.Limits())
    one.guests['i-1'] = Party('i-1')
    return one


def line(dest: str) -> bytes:
    return header.serial('{"a":1}', dest, 'cgcs.scale')


def test_a_guests_line_goes_to_the_program_it_names(made) -> None:
    program = Party('cgcs.x')
    assert made.bind('cgcs.x', program)
    made.from_guest(made.guests['i-1'], line('cgcs.x'))
    assert program.got == [
        b'{"data":{"a":1},"version":2,"source_addr":"cgcs.scale",'
        b'"source_instance":"i-1"}'
    ]
    assert made.counts == {'to_program': 1}


def test_a_programs_packet_goes_to_the_guest_it_names(made) -> None:
    program = Party('cgcs.x')
    made.from_program(program, header.from_host_program('i-1', 'a', [1]))
    assert made.guests['i-1'].got == [
        b'{"data":[1],"version":2,"dest_addr":"a","source_addr":"cgcs.x"}\n'
    ]
    assert made.counts == {'to_guest': 1}


def test_an_address_has_one_owner(made) -> None:
    first, second = Party('a'), Party('a')
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
    program = Party('scale-01234567')
    program.asked = asked
    made.bind(program.address, program)
    made.from_guest(made.guests['i-1'], line(program.address))
    assert len(program.got) == reached
    assert made.counts['dropped: not asked'] == 1 - reached


def test_only_scale_addresses_remember_whom_they_asked(made) -> None:
    for address, asked in (('scale-1', {'i-1'}), ('cgcs.x', set())):
        program = Party(address)
        made.from_program(program, header.from_host_program('i-1', 'a', 1))
        assert program.asked == asked


@pytest.mark.parametrize(
    ('dest', 'kind'),
    [('nobody', 'no program'), ('cgcs.full', 'program full')],
)
def test_what_a_guest_cannot_deliver_is_counted(
    made, dest: str, kind: str, caplog
) -> None:
    made.bind('cgcs.full', Party('cgcs.full', 'it is full'))
    made.from_guest(made.guests['i-1'], line(dest))
    assert made.counts == {'dropped: ' + kind: 1}
    assert 'Dropped a message from i-1' in caplog.text


@pytest.mark.parametrize(
    ('packet', 'kind'),
    [
        (b'junk', 'malformed'),
        (header.from_host_program('nobody', 'a', 1), 'no guest'),
        (header.from_host_program('i-1', 'a', 'x' * 65536), 'too long'),
        (header.from_host_program('full', 'a', 1), 'guest full'),
    ],
)
def test_what_a_program_cannot_deliver_is_counted(
    made, packet: bytes, kind: str, caplog
) -> None:
    made.guests['full'] = Party('full', 'it is full')
    made.from_program(Party('cgcs.x'), packet)
    assert made.counts == {'dropped: ' + kind: 1}
    assert 'Dropped a message from cgcs.x' in caplog.text


def test_an_unknown_guest_is_looked_for_before_its_message_is_dropped() -> (
    None
):
    found = Party('i-2')
    made = router.Router(
        limits.Limits(), seek=lambda: made.guests.update({'i-2': found})
    )
    made.from_program(Party('a'), header.from_host_program('i-2', 'b', 1))
    made.from_program(Party('a'), header.from_host_program('i-3', 'b', 1))
    assert len(found.got) == 1
    assert made.counts == {'to_guest': 1, 'dropped: no guest': 1}


def test_others_are_asked_for_addresses_that_nobody_bound() -> None:
    other = Party('cgcs.other')

    class Others:
        def find(self, address: str) -> Party | None:
            return other if address == other.address else None

    made = router.Router(limits.Limits(), Others())
    made.from_guest(Party('i-1'), line('cgcs.other'))
    made.from_guest(Party('i-1'), line('cgcs.nobody'))
    assert len(other.got) == 1
    bound = Party('cgcs.other')
    made.bind('cgcs.other', bound)
    made.from_guest(Party('i-1'), line('cgcs.other'))
    assert (len(bound.got), len(other.got)) == (1, 1)
