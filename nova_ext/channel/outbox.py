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
from nova_ext.wire import framing


class Outbox:
    """The lines for one guest, across its connections."""

    def __init__(self, limits: limits_module.Limits) -> None:
        self._limits = limits
        self._lines: collections.deque[tuple[float, bytes]] = (
            collections.deque()
        )
        self.size = 0
        self._begun = False
        self._fresh = True

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._lines)

    def add(self, line: bytes) -> str | None:
        """Append a line; return why it was dropped instead, or None."""
        self._expire()
        if self.size + len(line) > self._limits.guest_queue_bytes:
            return 'the guest does not read'
        expires = time.monotonic() + self._limits.message_lifetime
        self._lines.append((expires, line))
        self.size += len(line)
        return None

    def flush(self, sock: socket.socket) -> None:
        """Write as much as the socket takes without blocking.

        :raises OSError: the connection is broken.
        """
        self._expire()
        while self._lines:
            expires, line = self._lines[0]
            if self._fresh:
                self._fresh = False
                line = framing.RESYNC + line
                self.size += len(framing.RESYNC)
                self._lines[0] = (expires, line)
            try:
                sent = sock.send(line)
            except BlockingIOError:
                return
            self.size -= sent
            if sent < len(line):
                self._begun = True
                self._lines[0] = (expires, line[sent:])
            else:
                self._begun = False
                self._lines.popleft()
                self._expire()

    def clear(self) -> None:
        """Drop everything: the next line is the first of a connection."""
        self._lines.clear()
        self.size = 0
        self._begun = False
        self._fresh = True

    def _expire(self) -> None:
        now = time.monotonic()
        while self._lines and not self._begun and self._lines[0][0] <= now:
            self.size -= len(self._lines.popleft()[1])
