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
"""What waits to be written to one guest.

Bounded in bytes and in time. When it is full the newest message is dropped:
the order of the others stays, and the sender's next attempt counts. A message
that has waited too long is dropped unsent, because its sender has given up;
one whose first bytes are written is always finished.
"""

import collections
import socket
import time

from nova_ext.channel import limits as limits_module
from nova_ext.channel import tally
from nova_ext.wire import framing

#: Bytes from which on no further message is written together with others.
_TOGETHER = 32768


class Outbox:
    """The lines for one guest, across its connections.

    :param flow: where is counted what was queued and then lost.
    :ivar size: bytes that wait.
    """

    def __init__(self, limits: limits_module.Limits, flow: tally.Flow) -> None:
        self._limits = limits
        self._flow = flow
        self._lines: collections.deque[tuple[float, bytes]] = (
            collections.deque()
        )
        self._begun = False
        self._fresh = True
        self.size = 0

    def send(self, sock: socket.socket | None, line: bytes) -> bool:
        """Write or queue a line; false when it was dropped instead.

        :param sock: None while there is no connection.
        :raises OSError: the connection is broken; the line is queued.
        """
        if sock is None or self.size or self._fresh:
            added = self._add(line)
            # Otherwise the loop says when the socket takes more.
            if self._fresh and sock is not None:
                self.flush(sock)
            return added
        try:
            sent = sock.send(line)
        except BlockingIOError:
            return self._add(line)
        except OSError:
            self._add(line)
            raise
        if sent < len(line):
            self._add(line)
            self._forget(sent)
        return True

    def _add(self, line: bytes) -> bool:
        now = time.monotonic()
        self._expire(now)
        if self.size + len(line) > self._limits.guest_queue_bytes:
            return False
        self._lines.append((now + self._limits.message_lifetime, line))
        self.size += len(line)
        return True

    def flush(self, sock: socket.socket) -> None:
        """Write as much as the socket takes without blocking.

        :raises OSError: the connection is broken.
        """
        now = time.monotonic()
        self._expire(now)
        while self._lines:
            if self._fresh:
                self._free_reader()
            try:
                sent = sock.send(self._gather())
            except BlockingIOError:
                return
            self._forget(sent)
            self._expire(now)

    def clear(self) -> None:
        """Drop everything: the next line is the first of a connection."""
        self._expire(time.monotonic())
        self._flow.drop(tally.GUEST_GONE, len(self._lines))
        self._lines.clear()
        self.size = 0
        self._begun = False
        self._fresh = True

    def _free_reader(self) -> None:
        expires, line = self._lines[0]
        self._lines[0] = (expires, framing.RESYNC + line)
        self.size += len(framing.RESYNC)
        self._fresh = False

    def _gather(self) -> bytes:
        if len(self._lines) == 1 or self._begun:
            return self._lines[0][1]
        lines = []
        size = 0
        for _, line in self._lines:
            lines.append(line)
            size += len(line)
            if size >= _TOGETHER:
                break
        return b''.join(lines)

    def _forget(self, sent: int) -> None:
        """Take what was written off the list."""
        self.size -= sent
        self._begun = False
        while sent:
            expires, line = self._lines.popleft()
            if sent < len(line):
                self._lines.appendleft((expires, line[sent:]))
                self._begun = True
                return
            sent -= len(line)

    def _expire(self, now: float) -> None:
        lines = self._lines
        begun = lines.popleft() if self._begun else None
        while lines and lines[0][0] <= now:
            self.size -= len(lines.popleft()[1])
            self._flow.drop(tally.EXPIRED)
        if begun is not None:
            lines.appendleft(begun)
