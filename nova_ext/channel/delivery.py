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
"""The way to one program: sent on at the end of a turn, or queued.

No program's queue touches another's: each has a socket of its own, to which
the kernel charges what is not read.
"""

from collections.abc import Callable
import socket

from nova_ext.channel import backlog
from nova_ext.channel import local_protocol
from nova_ext.channel import loop as loop_module
from nova_ext.channel import tally

#: Messages that go out together, and bytes from which on none is added.
_MESSAGES = 16
_BYTES = 32768

#: Longest message, in bytes, that fits in a packet for a program behind the
#: most that can be in front of it: fewer than ``_MESSAGES`` others, each with
#: a line feed, of together fewer than ``_BYTES``. No line that is passed on as
#: it is exceeds it, but one that is printed anew can be six times as long.
LONGEST = local_protocol.MAX_PACKET - _BYTES - _MESSAGES


class Delivery:
    """A program's socket, and what is on its way there.

    What the socket takes is sent at once. Of what it does not take, one packet
    waits here and the others in the backlog, until the program reads again.

    :param most: messages that wait.
    :param together: whether several messages may go out in one packet, with
        line feeds between them, which no message contains.
    :param changed: called when `blocked` has changed.
    :param broken: called with the error when the program is gone.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: loop_module.Loop,
        most: int,
        together: bool,
        changed: Callable[[], None],
        broken: Callable[[OSError], None],
    ) -> None:
        self._socket = sock
        self._loop = loop
        self._most = _MESSAGES if together else 1
        self._changed = changed
        self._broken = broken
        self._batch: list[bytes] = []
        self._size = 0
        self._stuck = b''
        self._backlog = backlog.Backlog(most)

    @property
    def blocked(self) -> bool:
        """Whether the program does not read."""
        return bool(self._stuck)

    @property
    def waiting(self) -> int:
        """Messages that are not sent."""
        stuck = self._stuck.count(b'\n') + 1 if self._stuck else 0
        return stuck + len(self._batch) + len(self._backlog)

    def add(self, sender: str, packet: bytes) -> str | None:
        """Send or queue a packet; return why it was dropped, or None.

        :param packet: of no more than ``LONGEST`` bytes, which is for the
            caller to see to.
        """
        if self._stuck:
            added = self._backlog.add(sender, packet)
            return None if added else tally.PROGRAM_FULL
        batch = self._batch
        batch.append(packet)
        self._size += len(packet)
        if len(batch) >= self._most or self._size >= _BYTES:
            self.flush()
        elif len(batch) == 1:
            self._loop.at_turn_end(self.flush)
        return None

    def flush(self) -> None:
        """Send what this turn has brought."""
        if self._batch:
            packet = b'\n'.join(self._batch)
            self._batch.clear()
            self._size = 0
            if not self._send(packet):
                self._stuck = packet
                self._changed()

    def drain(self) -> None:
        """Send what waits, now that the program reads again."""
        while self._stuck:
            if not self._send(self._stuck):
                return
            self._stuck = self._gather()
        self._changed()

    def _gather(self) -> bytes:
        packets: list[bytes] = []
        size = 0
        while self._backlog and len(packets) < self._most and size < _BYTES:
            packets.append(self._backlog.take())
            size += len(packets[-1])
        return b'\n'.join(packets)

    def _send(self, packet: bytes) -> bool:
        """Return whether the packet is off the list, sent or lost."""
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return False
        except OSError as error:
            self._broken(error)
        return True
