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
"""The quick way, beside the general one that it must not differ from."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_ext.channel import guests
from nova_ext.channel import limits
from nova_ext.channel import loop
from nova_ext.channel import router
from nova_ext.wire import framing
from nova_ext.wire import header
from tests.unit.channel import fakes

INSTANCE = fakes.INSTANCE


class Program:
    """Notes what it is sent."""

    def __init__(self, takes: int = 1 << 30) -> None:
        self.asked: set[str] | None = None
        self.got: list[bytes] = []
        self._takes = takes

    def send(self, sender: str, packet: bytes) -> str | None:
        assert sender == INSTANCE
        if len(self.got) >= self._takes:
            return 'program_full'
        self.got.append(packet)
        return None


class Socket:
    """Gives a chunk for each read."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def recv(self, size: int) -> bytes:
        if not self._chunks:
            raise BlockingIOError
        assert len(self._chunks[0]) <= size
        return self._chunks.pop(0)

    def fileno(self) -> int:
        return 7

    def close(self) -> None:
        pass

    def setblocking(self, flag: bool) -> None:
        pass

    def connect(self, path: str) -> None:
        pass


class Way:
    """A guest whose reads go one way, with a program at each address."""

    def __init__(self, chunks=(), takes: int = 1 << 30, **changes) -> None:
        # Of the rates none but those that a test sets binds.
        rates = {'message_rate': 1e9, 'byte_rate': 1e9, 'time_share': 1.0}
        self.chunks = list(chunks)
        self.loop = fakes.FakeLoop()
        bounds = limits.Limits(**{**rates, **changes})
        self.router = router.Router(bounds)
        self.programs = {'a': Program(takes), 'b': Program(takes)}
        for address, program in self.programs.items():
            self.router.bind(address, program)  # type: ignore[arg-type]
        self.general = 0
        self.guest = guests.Guest(
            INSTANCE,
            '/nowhere',
            self.loop,  # type: ignore[arg-type]
            bounds,
            self._count,
            lambda _: None,
            self.router.programs,
        )
        with pytest.MonkeyPatch.context() as patch:
            made = Socket(self.chunks)
            patch.setattr(guests.socket, 'socket', lambda *_: made)
            self.guest.connect()

    def _count(self, guest: guests.Guest, lines: list[bytes]) -> None:
        self.general += len(lines)
        self.router.from_guest(guest, lines)

    def run(self, quick: bool = True) -> 'Way':
        """Read all there is."""
        handler = self.guest._lane if quick else self.guest
        assert handler is not None
        while self.chunks:
            handler.on_ready(loop.READ)
            while self.loop.later and self.guest.connected:
                self.loop.fire()
        return self

    @property
    def result(self) -> object:
        """What has become of everything."""
        flow = self.guest.tally.to_program
        got = {name: one.got for name, one in self.programs.items()}
        return got, flow.messages, flow.bytes, flow.dropped


def message(text: bytes, address: str = 'a') -> bytes:
    payload = '{"n":1,"text":"TEXT","more":[{"x":"y"}]}'
    line = header.serial(payload, address, 'cgcs.x')
    return framing.guest_line(line.replace(b'TEXT', text))


#: So many that the shape is learned.
LEARNED = [message(b'first'), message(b'second')]

TEXTS = st.one_of(
    st.binary(max_size=20),
    st.text('abc\\"\n\x00\x7f\u00e9{}[],', max_size=20).map(str.encode),
    st.sampled_from(
        [b'', b'x' * 3000, message(b'inner')[1:-1], message(b'inner')]
    ),
)
MESSAGES = st.one_of(
    st.builds(message, TEXTS, st.sampled_from(['a', 'a', 'a', 'b', 'none'])),
    TEXTS,
)


@given(
    st.lists(MESSAGES, max_size=12),
    st.lists(st.integers(1, 500) | st.just(16384), min_size=1, max_size=12),
)
def test_it_is_the_general_way_for_any_stream(
    messages: list[bytes], sizes: list[int]
) -> None:
    stream = b''.join(messages)
    chunks = list(LEARNED)
    # Each message a read of its own, then the same in pieces of any size.
    chunks += [piece for piece in messages if piece]
    while stream:
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(stream[:size])
        stream = stream[size:]
    quick, slow = Way(chunks).run(), Way(chunks).run(quick=False)
    assert quick.result == slow.result
    assert quick.guest.splicer.usual == slow.guest.splicer.usual


def test_usual_messages_do_not_go_the_general_way() -> None:
    one = Way([*LEARNED, message(b'x') * 3, message(b''), message(b'y')]).run()
    assert one.general == len(LEARNED)
    assert len(one.programs['a'].got) == 7
    assert b'"text":"y"' in one.programs['a'].got[-1]


@pytest.mark.parametrize(
    'chunk',
    [
        message(b'x\\n'),
        message(b'x"y'),
        message('\u00e9'.encode()),
        message(b'x', 'b'),
        message(b'x')[1:],
        message(b'x') + b'\n',
        message(b'x') + b'{"data"',
        message(b'x') * 17,
    ],
)
def test_what_is_not_usual_goes_the_general_way(chunk: bytes) -> None:
    one = Way([*LEARNED, chunk]).run()
    assert one.general > len(LEARNED)


def test_an_unfinished_line_is_not_lost_sight_of() -> None:
    """What ends it belongs to it, usual as it may look."""
    chunks = [*LEARNED, b'{"unfinished', message(b'x'), message(b'y')]
    one = Way(chunks).run()
    assert one.guest.tally.to_program.dropped == {'malformed': 1}
    assert len(one.programs['a'].got) == 4


def test_a_program_that_comes_or_goes_is_noticed() -> None:
    one = Way(LEARNED).run()
    program = one.programs['a']
    one.router.unbind('a', program)  # type: ignore[arg-type]
    one.chunks.append(message(b'x'))
    one.run()
    assert one.guest.tally.to_program.dropped == {'no_program': 1}
    one.router.bind('a', program)  # type: ignore[arg-type]
    one.chunks.append(message(b'y'))
    one.run()
    assert b'"text":"y"' in program.got[-1]


def test_an_answer_that_was_not_asked_for_is_dropped() -> None:
    one = Way(LEARNED).run()
    one.programs['a'].asked = {'instance-0000000b'}
    one.chunks.append(message(b'x'))
    one.run()
    assert one.guest.tally.to_program.dropped == {'not_asked': 1}


def test_what_a_program_does_not_take_is_told(caplog) -> None:
    one = Way([*LEARNED, message(b'x\x1b') * 3], takes=3).run()
    assert one.guest.tally.to_program.messages == 3
    assert one.guest.tally.to_program.dropped == {'program_full': 2}
    assert 'the program does not read' in caplog.text
    assert '\x1b' not in caplog.text


@pytest.mark.parametrize(
    'limit',
    [{'message_rate': 20.0}, {'byte_rate': 500.0}, {'time_share': 4e-5}],
    ids=['messages', 'bytes', 'time'],
)
def test_who_spends_more_than_its_rate_rests(limit: dict[str, float]) -> None:
    one = Way(LEARNED, **limit).run()
    one.chunks += [message(b'x')] * 100
    handler = one.guest._lane
    assert handler is not None
    begun = one.guest.tally.rests
    for _ in range(40):
        handler.on_ready(loop.READ)
        if one.loop.events[7] == 0:
            break
    assert one.loop.events[7] == 0
    assert one.guest.tally.rests == begun + 1


def test_a_connection_that_ends_is_lost() -> None:
    one = Way([*LEARNED, b'']).run()
    assert not one.guest.connected
    assert one.guest._lane is None


def test_guests_that_say_the_same_share_what_is_known() -> None:
    first, second = Way(LEARNED).run(), Way(LEARNED).run()
    assert first.guest.splicer.usual is second.guest.splicer.usual
