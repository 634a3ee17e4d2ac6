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
"""What waits in the agent for programs of the guest that are slower.

The kernel keeps about ten unread datagrams for a program
(``net.unix.max_dgram_qlen``), and the answer to one status query can be many
more. What does not fit waits here, in order, up to a limit for each program,
and is tried again: soon, and less often the longer a program does not read.

Nothing tells a socket with many receivers that one of them has read. A second
socket, connected to the receiver, would be told; but programs that have
connected theirs to the agent, as the original library may, admit no other.
"""

import collections
import logging
import socket
import time
from typing import Deque
from typing import Dict
from typing import Optional

from nova_ext.guest import sockets
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

#: Bytes that wait for one program.
MAX_WAITING = 262144

#: Seconds until a program that has just read, or has not for long, is tried
#: again. Each attempt in vain doubles them.
SOONEST = 0.002
LATEST = 1.0


class Outbox(object):
    """Datagrams from the agent's socket to the guest's programs.

    :param space: where the programs' addresses live.
    :param sender: the agent's socket.
    """

    def __init__(self, space: sockets.Space, sender: socket.socket) -> None:
        self._space = space
        self._sender = sender
        self._queues: Dict[str, '_Queue'] = {}

    @property
    def delay(self) -> Optional[float]:
        """Seconds until `retry` has something to do; None: nothing waits."""
        if not self._queues:
            return None
        due = min(queue.due for queue in self._queues.values())
        return max(due - time.monotonic(), 0.0)

    def send(self, datagram: bytes, address: str) -> Optional[str]:
        """Send now or soon; return why it was dropped, or None."""
        queue = self._queues.get(address)
        if queue is None:
            failure = self._space.send(self._sender, datagram, address)
            if failure != sockets.FULL:
                return failure
            queue = self._queues[address] = _Queue()
        return queue.add(datagram)

    def retry(self) -> None:
        """Send what waits and can be sent, where it is time to try.

        What waited for a program that has ended is dropped, or goes to the
        one that has its address now.
        """
        now = time.monotonic()
        for address, queue in list(self._queues.items()):
            if queue.due > now:
                continue
            failure = self._flush(queue, address)
            if failure == sockets.FULL:
                continue
            if failure is not None:
                LOG.warning(
                    'Dropped %d messages that waited for %s: %s',
                    len(queue),
                    quoting.shown(address),
                    failure,
                )
            del self._queues[address]

    def _flush(self, queue: '_Queue', address: str) -> Optional[str]:
        """Return why the queue is not empty now, or None."""
        sent = 0
        failure = None
        while len(queue) and failure is None:
            failure = self._space.send(self._sender, queue.first, address)
            if failure is None:
                queue.remove_first()
                sent += 1
        queue.put_off(SOONEST if sent else min(2 * queue.pause, LATEST))
        return failure


class _Queue(object):
    """What waits for one program.

    :ivar due: `time.monotonic` seconds of the next attempt.
    :ivar pause: seconds from the last attempt to that.
    """

    def __init__(self) -> None:
        self._datagrams: Deque[bytes] = collections.deque()
        self._size = 0
        self.put_off(SOONEST)

    def __len__(self) -> int:
        return len(self._datagrams)

    @property
    def first(self) -> bytes:
        return self._datagrams[0]

    def put_off(self, seconds: float) -> None:
        self.pause = seconds
        self.due = time.monotonic() + seconds

    def add(self, datagram: bytes) -> Optional[str]:
        if self._size + len(datagram) > MAX_WAITING:
            return sockets.FULL
        self._size += len(datagram)
        self._datagrams.append(datagram)
        return None

    def remove_first(self) -> None:
        self._size -= len(self._datagrams.popleft())
