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
"""Put a message's payload into the next hop's envelope as it is.

A message is parsed once, to know that its payload is one JSON value and
nothing else; then the payload's bytes are cut out. What stands around them is
the same in most messages of one sender, so its meaning is remembered. Where
only one text is another than in the message before, nothing is parsed at all;
then control characters may stand in it as they are, which json-c reads, too.
"""

import functools

from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc

#: Envelopes that are remembered of one guest, of one program, which may talk
#: to all guests, and the longest one, in bytes.
_OF_GUEST = 16
_OF_PROGRAM = 4096
_LONGEST = 500

#: A read that is one usual message of a guest, and the packet for it: what is
#: before its text and after it, and how long both are; what is in the packet
#: before the text and after it, up to the guest's name; the address.
Usual = tuple[bytes, bytes, int, bytes, bytes, str]
#: No read is this.
UNKNOWN: Usual = (b'', b'', 1, b'', b'', '')
#: Usual messages of which guests that say the same share one copy.
_SHARED = 256

_DATA = header.DATA.encode('ascii')
_START = len(_DATA)
_LOCAL_DATA = b',"data":'

#: A line feed, a quotation mark, a reverse solidus and a solidus.
_LF, _QUOTE, _REVERSE, _SOLIDUS = b'\n"\\/'
#: Messages of other shapes that pass before one more is learned.
_STRANGE = 16
#: Of a shape that is learned: most quotation marks, and bytes.
_MARKS = 64
_LARGEST = 1000


class Shape:
    """What stands around the longest text of a message, which may change.

    A text is all between two quotation marks, so a message with another text
    in the same place is as good as the first, if the text has no quotation
    mark, no escape and, because nothing is decoded, no byte beyond ASCII.

    :ivar head: what a message has before the text.
    :ivar tail: what it has after it.
    """

    __slots__ = ('_strange', 'head', 'tail')

    def __init__(self) -> None:
        # No message has a line feed.
        self.head = self.tail = b'\n'
        self._strange = 0

    def fits(self, message: bytes, start: int) -> bool:
        """Tell whether a message from ``start`` on has the shape."""
        head, tail = self.head, self.tail
        return (
            message.startswith(head, start)
            and message.endswith(tail)
            and message.find(_QUOTE, start + len(head))
            == len(message) - len(tail)
            and _REVERSE not in message
            and message.isascii()
        )

    def learn(self, message: bytes, begin: int, start: int, end: int) -> bool:
        """Take the shape of a valid message, if it is time; true if so.

        :param begin: where `fits` will begin.
        :param start: where the payload does, of which a text may change.
        :param end: where that ends.
        """
        self._strange += 1
        if self._strange % _STRANGE != 1 or _REVERSE in message:
            return False
        pieces = message[start:end].split(b'"', _MARKS)
        texts = range(1, len(pieces), 2)
        if not texts or len(pieces) > _MARKS:
            return False
        longest = max(texts, key=lambda number: len(pieces[number]))
        if len(message) - len(pieces[longest]) > _LARGEST:
            return False
        head, tail = pieces[:longest], pieces[longest + 1 :]
        self.head = message[begin:start] + b'"'.join([*head, b''])
        self.tail = b'"'.join([b'', *tail]) + message[end:]
        return True


class FromGuest:
    """Makes packets for programs of one guest's lines.

    :param instance: the guest; what the message says counts for nothing.
    :ivar usual: what a read of one message in the known shape is.
    """

    def __init__(self, instance: str, max_nesting: int) -> None:
        self.usual = UNKNOWN
        self._instance = instance
        self._max_nesting = max_nesting
        self._known: dict[str, tuple[str, bytes]] = {}
        self._shape = Shape()
        # Of the shape: the address, the bytes after the payload, and theirs.
        self._usual = ('', 0, b'')

    def packet(self, line: bytes) -> tuple[str, bytes]:
        """Return the program's address and the packet for it.

        :raises BadMessage: anything is missing, of another type or version.
        """
        if self._shape.fits(line, 0):
            address, size, ending = self._usual
            return address, line[:-size] + ending
        text = jsonc.decode(line)
        end = 0
        if line.startswith(_DATA):
            end = jsonc.end_of_value(text, _START, self._max_nesting)
        # Without a payload the line is not a message, whatever follows.
        known = self._known.get(text[end:]) if end > 0 else None
        if known is None:
            return self._learn(line, text[end:])
        if len(text) != len(line):
            end = len(text[:end].encode('utf-8'))
        elif self._shape.learn(line, 0, _START, end):
            self._usual = (known[0], len(line) - end, known[1])
            self.usual = self._framed()
        return known[0], line[:end] + known[1]

    def _framed(self) -> Usual:
        address, size, ending = self._usual
        return _shared(
            framing.LF + self._shape.head,
            self._shape.tail + framing.LF,
            self._shape.tail[:-size]
            + ending.removesuffix(closing(self._instance)),
            address,
        )

    def _learn(self, line: bytes, tail: str) -> tuple[str, bytes]:
        message = header.parse_serial(line, self._max_nesting)
        packet = header.to_host_program(
            message.payload, message.source_addr, self._instance
        )
        if len(tail) <= _LONGEST and header.serial_tail(tail) is not None:
            if len(self._known) >= _OF_GUEST:
                self._known.clear()
            self._known[tail] = (
                message.dest_addr,
                packet[_end_of(message.payload) :],
            )
        return message.dest_addr, packet


def closing(instance: str) -> bytes:
    """Return how each packet of a guest to a program ends."""
    return jsonc.dumps(instance).encode('ascii') + b'}'


@functools.lru_cache(_SHARED)
def _shared(head: bytes, tail: bytes, after: bytes, address: str) -> Usual:
    around = len(head) + len(tail)
    return head, tail, around, head.removeprefix(framing.LF), after, address


class FromProgram:
    """Makes lines for guests of one program's packets.

    :param address: the program's; what the message says counts for nothing.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._known: dict[bytes, tuple[str, bytes]] = {}
        self._shape = Shape()

    def line(self, packet: bytes) -> tuple[str, bytes]:
        """Return the instance's name and the line for its port.

        :raises BadMessage: anything is missing, of another type or version.
        """
        start = packet.find(_LOCAL_DATA) + len(_LOCAL_DATA)
        known = self._known.get(packet[:start])
        if known is not None:
            instance, tail = known
            if (
                self._shape.fits(packet, start)
                and _SOLIDUS not in packet
                # A guest's line has none, but a packet may.
                and _LF not in packet
            ):
                return instance, _DATA + packet[start:-1] + tail
            text = jsonc.decode(packet)
            end = jsonc.end_of_value(text, start, jsonc.MAX_NESTING)
            if end > 0 and text[end:] == '}' and header.is_json_c(text):
                if len(text) == len(packet):
                    self._shape.learn(packet, start, start, end)
                return instance, _DATA + packet[start:-1] + tail
        return self._learn(packet, packet[:start])

    def _learn(self, packet: bytes, head: bytes) -> tuple[str, bytes]:
        message = header.parse_host_program(packet)
        line = framing.host_line(
            header.serial(message.payload, message.dest_addr, self._address)
        )
        if len(head) <= _LONGEST and header.is_local_head(head):
            if len(self._known) >= _OF_PROGRAM:
                self._known.clear()
            self._known[head] = (
                message.dest_instance,
                line[_end_of(message.payload) :],
            )
        return message.dest_instance, line


def _end_of(payload: str) -> int:
    """Return where a payload ends in a message that starts with it."""
    return len(_DATA) + len(payload.encode('utf-8'))
