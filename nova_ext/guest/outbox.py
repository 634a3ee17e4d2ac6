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
and follows as soon as the program has read.
"""

import collections
import logging
import select
import socket
from typing import Deque
from typing import Dict
from typing import Optional

from nova_ext.guest import sockets
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

#: Bytes that wait for one program.
MAX_WAITING = 262144


class Outbox(object):
    """Datagrams from the agent's socket to the guest's programs.

    :param space: where the programs' addresses live.
    :param sender: the agent's socket.
    :param poller: in which a program's descriptor here becomes ready to be
        passed to `flush` when the program has read.
    """

    def __init__(
        self,
        space: sockets.Space,
        sender: socket.socket,
        poller: 'select.epoll',
    ) -> None:
        self._space = space
        self._sender = sender
        self._poller = poller
        self._queues: Dict[str, '_Queue'] = {}
        self._by_fd: Dict[int, str] = {}

    def send(self, datagram: bytes, address: str) -> Optional[str]:
        """Send now or soon; return why it was dropped, or None."""
        queue = self._queues.get(address)
        if queue is not None:
            return queue.add(datagram)
        failure = self._space.send(self._sender, datagram, address)
        if failure != sockets.FULL:
            return failure
        return self._wait(datagram, address)

    def flush(self, fd: int) -> None:
        """Send what waited for the program of this descriptor, if it is one.

        What waited for a program that has ended is dropped, or goes to the
        one that has its address now.
        """
        address = self._by_fd.get(fd)
        if address is None:
            return
        queue = self._queues[address]
        failure = None
        while queue.datagrams and failure is None:
            failure = self._space.send(
                self._sender, queue.datagrams[0], address
            )
            if failure is None:
                queue.remove_first()
        if failure == sockets.FULL:
            failure = self._watch(queue.probe, address)
            if failure is None:
                return
        if failure is not None:
            LOG.warning(
                'Dropped %d messages that waited for %s: %s',
                len(queue.datagrams),
                quoting.shown(address),
                failure,
            )
        self._end(address)

    def close(self) -> None:
        """Forget everything."""
        for address in list(self._queues):
            self._end(address)

    def _wait(self, datagram: bytes, address: str) -> Optional[str]:
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        failure = self._watch(probe, address)
        if failure is not None:
            probe.close()
            return failure
        queue = self._queues[address] = _Queue(probe)
        self._by_fd[probe.fileno()] = address
        self._poller.register(probe, select.EPOLLOUT)
        return queue.add(datagram)

    def _watch(self, probe: socket.socket, address: str) -> Optional[str]:
        # A connected socket is ready when its peer's queue has room again;
        # the agent's own never says so, because it has many peers. Another
        # program may have the address by now.
        try:
            probe.connect(self._space.path(address))
        except OSError as error:
            return error.strerror or str(error)
        return None

    def _end(self, address: str) -> None:
        probe = self._queues.pop(address).probe
        del self._by_fd[probe.fileno()]
        self._poller.unregister(probe)
        probe.close()


class _Queue(object):
    def __init__(self, probe: socket.socket) -> None:
        self.probe = probe
        self.datagrams: Deque[bytes] = collections.deque()
        self._size = 0

    def add(self, datagram: bytes) -> Optional[str]:
        if self._size + len(datagram) > MAX_WAITING:
            return sockets.FULL
        self._size += len(datagram)
        self.datagrams.append(datagram)
        return None

    def remove_first(self) -> None:
        self._size -= len(self.datagrams.popleft())
