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
"""What every stream of bytes from a guest must leave true, on its way through.

`check` takes one input of the fuzzer: its first byte says in how large pieces
the stream is read, 0 for 4096 bytes, and the rest is the stream.
"""

from collections.abc import Callable
from collections.abc import Iterator
import json
from typing import Any

from nova_ext.channel import lane
from nova_ext.channel import loop
from nova_ext.channel import splice
from nova_ext.channel import tally
from nova_ext.wire import addresses
from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire import messages
from nova_ext.wire import quoting
from nova_ext.wire import server_group
from nova_ext.wire.jsonc import BadMessage

INSTANCE = 'instance-0000000a'

#: Short, so that the fuzzer finds lines that are longer.
MAX_LINE = 4096

#: What may follow in a message that is like the one before.
OTHER_TEXTS = (b'another', b'a\nb', b'a\x01b', b'\\n', b'a/b', b'\xff', b'')


def check(given: bytes) -> None:
    """Fail with an exception where a stream does harm."""
    size = (given[0] if given else 0) or MAX_LINE
    stream = given[1:]
    reader = framing.LineReader(MAX_LINE)
    lines = []
    for start in range(0, len(stream), size):
        lines += reader.feed(stream[start : start + size])
        assert reader.pending <= MAX_LINE
    assert lines == expected(stream)
    splicer = splice.FromGuest(INSTANCE, jsonc.MAX_NESTING)
    for line in lines:
        on_the_host(line, splicer)
        in_the_guest(line)
        of_a_program(line)
    slow = slowly(lines)
    assert quickly(pieces(stream, size)) == slow
    assert quickly(messages_of(stream)) == slow


def slowly(lines: list[bytes]) -> list[tuple[str, bytes]]:
    """What becomes of lines that are taken one by one."""
    splicer = splice.FromGuest(INSTANCE, jsonc.MAX_NESTING)
    found = []
    for line in lines:
        try:
            found.append(splicer.packet(line))
        except BadMessage:
            pass
    return found


def pieces(stream: bytes, size: int) -> list[bytes]:
    """Cut a stream into reads of one size."""
    return [
        stream[start : start + size] for start in range(0, len(stream), size)
    ]


def messages_of(stream: bytes) -> list[bytes]:
    """Cut a stream into reads that end where a message may."""
    cut = stream.replace(b'}\n', b'}\n\0cut').split(b'\0cut')
    return [piece for read in cut for piece in pieces(read, MAX_LINE)]


def quickly(chunks: list[bytes]) -> list[tuple[str, bytes]]:
    """What becomes of reads where the usual messages go quickly."""
    found: list[tuple[str, bytes]] = []
    general = General(found)
    general.lane = lane.Lane(
        general,
        INSTANCE,
        lambda size: chunks.pop(0),
        MAX_LINE,
        1000,
        Everybody(found),
        tally.Flow(),
    )
    while chunks:
        general.lane.on_ready(loop.READ)
    return found


class General:
    """What a guest's connection does with a read, without any limits."""

    lane: lane.Lane

    def __init__(self, found: list[tuple[str, bytes]]) -> None:
        self._found = found
        self._reader = framing.LineReader(MAX_LINE)
        self._splicer = splice.FromGuest(INSTANCE, jsonc.MAX_NESTING)

    def received(self, chunk: bytes) -> None:
        """Take what was read."""
        for line in self._reader.feed(chunk):
            try:
                self._found.append(self._splicer.packet(line))
            except BadMessage:
                pass
        whole = self._reader.between_lines
        self.lane.usual = self._splicer.usual if whole else splice.UNKNOWN

    def spend(self, messages: int, size: int, seconds: float) -> None:
        """Nothing is charged here."""

    def deliver(self, line: bytes) -> None:
        """No program refuses anything here."""
        raise AssertionError(line)

    def on_ready(self, events: int) -> None:
        """Nothing but reading is needed here."""
        raise AssertionError(events)

    def on_failure(self) -> None:
        """Nothing is caught here."""


class Everybody(dict[str, Any]):
    """Programs at all addresses."""

    asked = None

    def __init__(self, found: list[tuple[str, bytes]]) -> None:
        self._found = found

    def get(self, address: str, default: Any = None) -> Any:
        """Return a program that takes everything."""
        self._address = address
        return self

    def send(self, sender: str, packet: bytes) -> None:
        """Take a packet."""
        assert sender == INSTANCE
        self._found.append((self._address, packet))


def expected(stream: bytes) -> list[bytes]:
    """The lines of a stream, said without any state."""
    pieces = stream.split(b'\n')[:-1]
    return [line for line in pieces if line.strip() and len(line) <= MAX_LINE]


def harmless(text: str) -> None:
    """What is logged as it is."""
    assert text.isascii() and text.isprintable(), text
    assert len(text) < 400, text


def on_the_host(line: bytes, splicer: splice.FromGuest) -> None:
    """The channel daemon, and the program that the message is for."""
    harmless(quoting.shown(line))
    try:
        message = header.parse_serial(line)
    except BadMessage as error:
        harmless(str(error))
        refused(splicer.packet, line)
        return
    assert addresses.is_address(message.dest_addr)
    packet = header.to_host_program(
        message.payload, message.source_addr, INSTANCE
    )
    assert b'\n' not in packet
    # The second time is the short way, with what the first has learned.
    for _ in range(2):
        address, quick = splicer.packet(line)
        assert address == message.dest_addr
        same_message(quick, packet)
    delivered = header.parse_delivered(packet)
    assert delivered.source_instance == INSTANCE
    assert delivered.source_addr == message.source_addr
    answer(delivered.data)
    broadcast_or_query(delivered.data)


def same_message(quick: bytes, slow: bytes) -> None:
    """What the short way makes, control characters as they are or not."""
    for packet in (jsonc.escaped(quick), slow):
        pairs = json.loads(packet, object_pairs_hook=list)
        assert [key for key, _ in pairs] == [
            'data',
            'version',
            'source_addr',
            'source_instance',
        ]
    if jsonc.escaped(quick) == quick:
        assert quick == slow
    else:
        assert b'\n' not in quick
        assert header.parse_delivered(quick) == header.parse_delivered(slow)


def refused(read: Callable[[bytes], object], text: bytes) -> None:
    """What one way of reading refuses, the other does too."""
    try:
        read(text)
    except BadMessage as error:
        harmless(str(error))
    else:
        raise AssertionError('%r is read one way only' % text)


def answer(data: Any) -> None:
    """What a scale agent says, as nova-compute reads it."""
    try:
        messages.parse_ready(data)
    except BadMessage as error:
        harmless(str(error))
    for direction in (messages.UP, messages.DOWN):
        try:
            found = messages.parse_response(data, direction)
        except BadMessage as error:
            harmless(str(error))
            continue
        assert found.reason is not None or isinstance(found.cpu, int)


def broadcast_or_query(data: Any) -> None:
    """A server group's message, as its service reads it."""
    try:
        found = server_group.parse_from_guest(data)
    except server_group.Refused as error:
        harmless(str(error))
        nack = server_group.nack(error.orig_msg_type, str(error))
        assert server_group.guest_size(nack) < server_group.MAX_DATAGRAM
        return
    if isinstance(found, server_group.Broadcast):
        forwarded = server_group.forwarded(INSTANCE, found.text)
        assert server_group.guest_size(forwarded) < server_group.MAX_DATAGRAM
        assert server_group.parse_from_host(forwarded).text == found.text
    else:
        assert server_group.guest_size(server_group.status_done(found.seq))


def in_the_guest(line: bytes) -> None:
    """A guest's agent, and its programs."""
    try:
        message = header.parse_serial(line)
    except BadMessage:
        return
    datagram = header.to_guest_program(message.payload, message.source_addr)
    data = header.parse_delivered(datagram).data
    try:
        server_group.parse_from_host(data)
    except BadMessage as error:
        harmless(str(error))


def of_a_program(text: bytes) -> None:
    """What a program of the guest, or of the host, gave to its agent."""
    spliced(text)
    for parse in (header.parse_guest_program, header.parse_host_program):
        try:
            message = parse(text)
        except BadMessage as error:
            harmless(str(error))
            continue
        again = header.serial(message.payload, message.dest_addr, 'a')
        assert b'\n' not in again
        read = header.parse_serial(again, max_nesting=len(again))
        assert json.loads(read.payload) == json.loads(message.payload)
        assert jsonc.dumps(json.loads(read.payload))


def spliced(packet: bytes) -> None:
    """What a program of the host gave to the channel daemon."""
    splicer = splice.FromProgram('a')
    # The second time it may learn the shape, in which the others come.
    for given in (packet, packet, *with_other_texts(packet)):
        try:
            message = header.parse_host_program(given)
        except BadMessage:
            refused(splicer.line, given)
            continue
        wanted = framing.host_line(
            header.serial(message.payload, message.dest_addr, 'a')
        )
        instance, line = splicer.line(given)
        assert instance == message.dest_instance
        same_line(line, wanted)


def with_other_texts(packet: bytes) -> Iterator[bytes]:
    """Yield the packet with others in the place of its data's longest text."""
    head, data, payload = packet.partition(b'"data":')
    pieces = payload.split(b'"')
    texts = range(1, len(pieces), 2)
    if not texts:
        return
    longest = max(texts, key=lambda place: len(pieces[place]))
    before, after = pieces[:longest], pieces[longest + 1 :]
    half = packet[: len(packet) // 2]
    for text in (*OTHER_TEXTS, half, half.replace(b'"', b'\n')):
        yield head + data + b'"'.join([*before, text, *after])


def same_line(quick: bytes, slow: bytes) -> None:
    """What the short way makes, control characters as they are or not."""
    assert quick.count(b'\n') == slow.count(b'\n')
    if jsonc.escaped(quick.strip()) == quick.strip():
        assert quick == slow
    else:
        assert json.loads(jsonc.escaped(quick)) == json.loads(slow)
