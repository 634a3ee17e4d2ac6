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
import socket

import pytest

from nova_ext.channel import limits
from nova_ext.channel import outbox
from nova_ext.channel import tally


class Taker:
    """A socket that takes so many bytes at a time, then blocks."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = list(sizes)
        self.got = b''

    def send(self, line: bytes) -> int:
        if not self.sizes:
            raise BlockingIOError
        size = min(self.sizes.pop(0), len(line))
        self.got += line[:size]
        return size


@pytest.fixture
def clock(monkeypatch):
    """The time that the module sees, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(outbox.time, 'monotonic', lambda: now[0])
    return now


def made(size: int = 100) -> outbox.Outbox:
    return outbox.Outbox(
        limits.Limits(guest_queue_bytes=size, message_lifetime=10.0),
        tally.Flow(),
    )


def test_the_newest_is_dropped_when_it_is_full() -> None:
    box = made()
    assert box.send(None, b'x' * 60)
    assert not box.send(None, b'y' * 60)
    assert box.send(None, b'z' * 40)
    taker = Taker(1000, 1000)
    box.flush(taker)
    assert taker.got == b' \n' + b'x' * 60 + b'z' * 40
    assert box.size == 0


def test_old_messages_make_room_for_new_ones(clock) -> None:
    box = made()
    box.send(None, b'x' * 60)
    clock[0] += 10
    assert box.send(None, b'y' * 60)
    taker = Taker(1000)
    box.flush(taker)
    assert b'x' not in taker.got


def test_a_message_that_has_begun_is_finished(clock) -> None:
    box = made()
    box.send(None, b'first\n')
    box.send(None, b'second\n')
    taker = Taker(4)
    box.flush(taker)
    assert box.size == 11
    clock[0] += 10
    # Those behind it expire even while it waits.
    box.send(taker, b'third\n')
    assert box._flow.dropped == {'expired': 1}
    taker.sizes = [1000, 1000]
    box.flush(taker)
    assert taker.got == b' \nfirst\nthird\n'
    assert box.size == 0


def test_what_is_cleared_is_counted_by_its_age(clock) -> None:
    box = made()
    box.send(None, b'old\n')
    clock[0] += 10
    box._lines.append((clock[0] + 1, b'new\n'))
    box.clear()
    assert box._flow.dropped == {'expired': 1, 'guest_gone': 1}
    assert box.size == 0


def test_only_the_first_line_of_a_connection_frees_the_reader() -> None:
    box = made()
    taker = Taker(1000, 1000, 1000)
    box.send(None, b'1\n')
    box.flush(taker)
    box.send(None, b'2\n')
    box.flush(taker)
    box.clear()
    box.send(None, b'3\n')
    box.flush(taker)
    assert taker.got == b' \n1\n2\n \n3\n'


def test_a_broken_connection_is_the_callers_business() -> None:
    ends = socket.socketpair()
    ends[1].close()
    box = made()
    box.send(None, b'1\n')
    with pytest.raises(BrokenPipeError):
        box.flush(ends[0])
    ends[0].close()
