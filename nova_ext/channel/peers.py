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
"""One program's connection to the daemon."""

from collections.abc import Callable
import socket

from nova_ext.channel import delivery
from nova_ext.channel import limits as limits_module
from nova_ext.channel import local_protocol
from nova_ext.channel import loop as loop_module
from nova_ext.channel import router as router_module
from nova_ext.channel import splice
from nova_ext.channel import tally
from nova_ext.wire.jsonc import BadMessage

#: Packets that one program gets served in a turn.
_TURN = 16
#: Turns, full to the number of packets that was expected, before more are.
_STEADY = 4
#: Seconds that a connection may take to bind an address.
_BIND_TIMEOUT = 5.0


class LocalPeer:
    """One program's connection, which has bound an address or soon does.

    :param ended: called when the connection is closed.
    :param refusal: why the first packet is refused; None to bind.
    :ivar address: the bound address; empty until then.
    :ivar asked: the instances to which the program has sent scale requests;
        None when every guest may send to its address.
    :ivar send: sends or queues an instance's packet; returns why it was
        dropped, or None.
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
        self.asked: set[str] | None = None
        self.gate = limits_module.LogGate()
        self.splicer = splice.FromProgram('')
        self._socket = sock
        self._loop = loop
        self._router = router
        self._ended = ended
        self._refusal = refusal
        self._delivery = delivery.Delivery(
            sock,
            loop,
            limits.program_queue_messages,
            True,
            self._watch,
            lambda error: self.close(),
        )
        self.send = self._delivery.add
        # Packets to look for in a turn: that there is none is dear to learn.
        self._expected = 1
        self._full_turns = 0
        self._closed = False
        loop.watch(sock.fileno(), loop_module.READ, self)
        loop.call_later(_BIND_TIMEOUT, self._check_bound)

    @property
    def name(self) -> str:
        """What the log calls the program."""
        return self.address

    def on_ready(self, events: int) -> None:
        """Read or write what can be, at most one turn's worth."""
        if events & loop_module.WRITE:
            self._delivery.drain()
            if events == loop_module.WRITE:
                return
        receive, size = self._socket.recv, local_protocol.MAX_PACKET
        for count in range(self._expected):
            try:
                packet = receive(size)
            except BlockingIOError:
                self._expected = max(count, 1)
                self._full_turns = 0
                return
            except OSError:
                packet = b''
            if not packet:
                self.close()
            elif self.address:
                self._router.from_program(self, packet)
            else:
                self._bind(packet)
            if self._closed:
                return
        self._full_turns += 1
        if self._full_turns >= _STEADY:
            self._expected = min(self._expected * 2, _TURN)
            self._full_turns = 0

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
        self.asked = router_module.asked_by(address)
        self.splicer = splice.FromProgram(address)
        self._delivery.add('', local_protocol.bound_packet(address))
        # The answer is a packet of its own.
        self._delivery.flush()

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

    def _watch(self) -> None:
        if not self._closed:
            events = loop_module.READ
            if self._delivery.blocked:
                events |= loop_module.WRITE
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
        lost = self._delivery.waiting
        self._router.rest.to_program.drop(tally.PROGRAM_GONE, lost)
