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
"""One program's connection to the daemon.

What a program does not read is queued up to a number of packets; then the
newest is dropped. No program's queue touches another's: each connection has
its own buffer in the kernel.
"""

import collections
from collections.abc import Callable
import socket

from nova_ext.channel import limits as limits_module
from nova_ext.channel import local_protocol
from nova_ext.channel import loop as loop_module
from nova_ext.channel import router as router_module
from nova_ext.wire.jsonc import BadMessage

#: Packets that one program gets served in a turn.
_TURN = 16
#: Seconds that a connection may take to bind an address.
_BIND_TIMEOUT = 5.0


class LocalPeer:
    """One program's connection, which has bound an address or soon does.

    :param ended: called when the connection is closed.
    :param refusal: why the first packet is refused; None to bind.
    :ivar address: the bound address; empty until then.
    :ivar asked: the instances to which the program has sent scale requests.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: loop_module.Loop,
        limits: limits_module.Limits,
        router: router_module.Router,
        ended: Callable[['LocalPeer'], None],
        refusal: str | None = None,
    ) -> None:
        self.address = ''
        self.asked: set[str] = set()
        self.gate = limits_module.LogGate()
        self._socket = sock
        self._loop = loop
        self._limits = limits
        self._router = router
        self._ended = ended
        self._refusal = refusal
        self._events = loop_module.READ
        self._queue: collections.deque[bytes] = collections.deque()
        self._closed = False
        loop.watch(sock.fileno(), self._events, self)
        loop.call_later(_BIND_TIMEOUT, self._check_bound)

    @property
    def name(self) -> str:
        """What the log calls the program."""
        return self.address

    def on_ready(self, events: int) -> None:
        """Read or write what can be, at most one turn's worth."""
        if events & loop_module.WRITE:
            self._flush()
        for _ in range(_TURN):
            if self._closed:
                return
            try:
                packet = self._socket.recv(local_protocol.MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                packet = b''
            if not packet:
                self.close()
            elif self.address:
                self._router.from_program(self, packet)
            else:
                self._bind(packet)

    def on_failure(self) -> None:
        """Close after an error of our own."""
        self.close()

    def _bind(self, packet: bytes) -> None:
        # Only now, because closing before the packet was read would reach
        # the program as a broken connection instead of an answer.
        if self._refusal is not None:
            self._refuse(self._refusal)
            return
        try:
            address = local_protocol.parse_bind(packet)
        except BadMessage as error:
            self._refuse(str(error))
            return
        if not self._router.bind(address, self):
            self._refuse(local_protocol.ADDRESS_IN_USE)
            return
        self.address = address
        self.send(local_protocol.bound_packet(address))

    def _check_bound(self) -> None:
        if not self.address and not self._closed:
            self._refuse('no address was bound in time')

    def _refuse(self, reason: str) -> None:
        self._leave()
        try:
            self._socket.send(local_protocol.error_packet(reason))
        except OSError:
            pass
        self._socket.close()

    def send(self, packet: bytes) -> str | None:
        """Send or queue a packet; return why it was dropped, or None."""
        if len(self._queue) >= self._limits.program_queue_messages:
            return 'the program does not read'
        self._queue.append(packet)
        if len(self._queue) == 1:
            self._flush()
        return None

    def _flush(self) -> None:
        while self._queue and not self._closed:
            try:
                self._socket.send(self._queue[0])
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            self._queue.popleft()
        if not self._closed:
            events = loop_module.READ
            if self._queue:
                events |= loop_module.WRITE
            if events != self._events:
                self._events = events
                self._loop.change(self._socket.fileno(), events)

    def close(self) -> None:
        """End the connection and free the address."""
        if not self._closed:
            self._leave()
            self._socket.close()

    def _leave(self) -> None:
        self._closed = True
        self._loop.forget(self._socket.fileno())
        self._ended(self)
        if self.address:
            self._router.unbind(self.address, self)
