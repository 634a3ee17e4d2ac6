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
import errno

import pytest

from nova_ext.channel import delivery
from nova_ext.channel import local_protocol
from nova_ext.channel import tally


class Program:
    """A socket that takes packets while it is told to."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.reads = True
        self.gone = False

    def send(self, packet: bytes) -> int:
        if self.gone:
            raise BrokenPipeError(errno.EPIPE, 'Broken pipe')
        if not self.reads:
            raise BlockingIOError
        self.got.append(packet)
        return len(packet)


class Loop:
    def __init__(self) -> None:
        self.ending: list = []

    def at_turn_end(self, callback) -> None:
        self.ending.append(callback)

    def end(self) -> None:
        ending, self.ending = self.ending, []
        for callback in ending:
            callback()


class Made:
    """A delivery with all that it calls."""

    def __init__(self, most: int = 100, together: bool = True) -> None:
        self.program = Program()
        self.loop = Loop()
        self.changes = 0
        self.broken: list[OSError] = []
        self.one = delivery.Delivery(
            self.program,
            self.loop,
            most,
            together,
            self.change,
            self.broken.append,
        )

    def change(self) -> None:
        self.changes += 1

    def add(self, *packets: bytes) -> list[str | None]:
        return [self.one.add('a', packet) for packet in packets]


@pytest.fixture
def made() -> Made:
    return Made()


def test_what_comes_in_one_turn_goes_out_together(made) -> None:
    made.add(b'1', b'2', b'3')
    assert made.program.got == []
    made.loop.end()
    assert made.program.got == [b'1\n2\n3']
    assert made.one.waiting == 0


def test_datagrams_go_out_one_by_one_and_at_once() -> None:
    made = Made(together=False)
    made.add(b'1', b'2')
    assert made.program.got == [b'1', b'2']


@pytest.mark.parametrize('size', [1, 20000])
def test_a_long_turn_is_not_waited_for(made, size: int) -> None:
    made.add(*[b'x' * size] * 40)
    sent = sum(packet.count(b'\n') + 1 for packet in made.program.got)
    assert sent == (32 if size == 1 else 40)
    assert max(map(len, made.program.got)) < 50000
    made.loop.end()
    assert made.one.waiting == 0


@pytest.mark.parametrize('reads', [True, False])
def test_the_longest_message_fits_behind_the_most_others(
    made, reads: bool
) -> None:
    """What a reader does not take of a packet is lost."""
    made.program.reads = reads
    if not reads:
        made.add(b'stuck')
        made.loop.end()
    many = [b'x' * 2000] * 14 + [b'x' * 4767]
    made.add(*many, b'x' * delivery.LONGEST)
    made.program.reads = True
    made.one.drain()
    sizes = list(map(len, made.program.got))
    assert local_protocol.MAX_PACKET - 10 < max(sizes)
    assert max(sizes) <= local_protocol.MAX_PACKET


def test_what_is_not_taken_waits_and_comes_in_order(made) -> None:
    made.program.reads = False
    made.add(b'1', b'2')
    made.loop.end()
    assert made.one.blocked
    assert made.changes == 1
    made.add(*(b'%d' % number for number in range(3, 30)))
    assert made.one.waiting == 29
    made.one.drain()
    assert made.changes == 1, 'it still does not read'
    made.program.reads = True
    made.one.drain()
    assert not made.one.blocked
    assert made.changes == 2
    sent = b'\n'.join(made.program.got).split(b'\n')
    assert sent == [b'%d' % number for number in range(1, 30)]


def test_what_has_no_room_is_dropped() -> None:
    made = Made(most=4)
    made.program.reads = False
    made.add(b'0')
    made.loop.end()
    assert made.add(b'1', b'2', b'3') == [None, None, tally.PROGRAM_FULL]
    assert made.one.waiting == 3


def test_a_program_that_is_gone_is_told_once(made) -> None:
    made.program.gone = True
    made.add(b'1')
    made.loop.end()
    assert len(made.broken) == 1
    assert not made.one.blocked
