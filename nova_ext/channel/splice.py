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
the same in most messages of one sender, so its meaning is remembered.
"""

from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc

#: Envelopes that are remembered of one guest, of one program, which may talk
#: to all guests, and the longest one, in bytes.
_OF_GUEST = 16
_OF_PROGRAM = 4096
_LONGEST = 500

_DATA = header.DATA.encode('ascii')
_START = len(_DATA)
_LOCAL_DATA = b',"data":'


class FromGuest:
    """Makes packets for programs of one guest's lines.

    :param instance: the guest; what the message says counts for nothing.
    """

    def __init__(self, instance: str, max_nesting: int) -> None:
        self._instance = instance
        self._max_nesting = max_nesting
        self._known: dict[str, tuple[str, bytes]] = {}

    def packet(self, line: bytes) -> tuple[str, bytes]:
        """Return the program's address and the packet for it.

        :raises BadMessage: anything is missing, of another type or version.
        """
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
        return known[0], line[:end] + known[1]

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


class FromProgram:
    """Makes lines for guests of one program's packets.

    :param address: the program's; what the message says counts for nothing.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._known: dict[bytes, tuple[str, bytes]] = {}

    def line(self, packet: bytes) -> tuple[str, bytes]:
        """Return the instance's name and the line for its port.

        :raises BadMessage: anything is missing, of another type or version.
        """
        start = packet.find(_LOCAL_DATA) + len(_LOCAL_DATA)
        known = self._known.get(packet[:start])
        if known is not None:
            text = jsonc.decode(packet)
            end = jsonc.end_of_value(text, start, jsonc.MAX_NESTING)
            if end > 0 and text[end:] == '}' and header.is_json_c(text):
                instance, tail = known
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
