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
"""guest_agent: carries messages between the serial port and the programs.

It keeps the promises of the original: nothing is queued for a program that
is not there, nothing is acknowledged, and ``source_addr`` is the address that
the sender has bound, whatever the sender claims.
"""

import logging
import select
import socket
from typing import Optional

from nova_ext.guest import outbox
from nova_ext.guest import port
from nova_ext.guest import sockets
from nova_ext.guest import wake
from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import quoting
from nova_ext.wire.jsonc import BadMessage

LOG = logging.getLogger(__name__)

#: Seconds after which an absent host is looked for even without an event.
RECHECK = 5.0

#: Datagrams that are taken from the programs in one turn.
TURN = 64

_PORT_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET


class Agent(object):
    """The agent of one guest.

    :param device: the serial port.
    :param space: where the programs' addresses live.
    """

    def __init__(
        self,
        device: Optional[port.Port] = None,
        space: Optional[sockets.Space] = None,
    ) -> None:
        self._port = device or port.Port()
        self._space = space or sockets.Space()
        self._wake = wake.Wake()
        self._socket: Optional[socket.socket] = None
        self._outbox: Optional[outbox.Outbox] = None
        self._epoll = select.epoll()

    def stop(self) -> None:
        """End `run` soon; callable from signal handlers and threads."""
        self._wake.set()

    def run(self) -> None:
        """Serve until `stop` is called."""
        try:
            self._socket = self._space.bind_when_free(
                addresses.AGENT, self._wake.wait
            )
            if self._socket is not None:
                self._outbox = outbox.Outbox(self._space, self._socket)
                self._epoll.register(self._socket, select.EPOLLIN)
                self._epoll.register(self._wake, select.EPOLLIN)
                while self._turn():
                    pass
        finally:
            self._close()

    def _close(self) -> None:
        self._port.close()
        self._epoll.close()
        if self._socket is not None:
            self._socket.close()
        self._wake.close()

    def _turn(self) -> bool:
        timeout = self._timeout(self._tend_port())
        ready = [fd for fd, _ in self._epoll.poll(timeout)]
        if self._wake.fileno() in ready:
            return False
        # The port is read in every turn: an edge is reported once only, and
        # an empty read is how an absent host shows.
        self._from_host()
        self._from_programs()
        self._to_slow_programs()
        return True

    def _timeout(self, seconds: float) -> float:
        """Shorten the time to wait for events, -1 for ever, if need be."""
        delay = self._outbox.delay if self._outbox is not None else None
        if delay is None:
            return seconds
        return delay if seconds < 0 else min(delay, seconds)

    def _tend_port(self) -> float:
        """Open the port when it is due; return how long to wait for events."""
        if self._port.fd is None:
            delay = self._port.open()
            if self._port.fd is None:
                return delay
            self._watch_port(self._port.fd)
        return -1 if self._port.host_present else RECHECK

    def _watch_port(self, fd: int) -> None:
        # Closing a descriptor takes it out of the epoll set again, unless
        # somebody has a copy of it.
        try:
            self._epoll.register(fd, _PORT_EVENTS)
        except FileExistsError:
            self._epoll.modify(fd, _PORT_EVENTS)

    def _from_host(self) -> None:
        for line in self._port.receive():
            try:
                message = header.parse_serial(line)
            except BadMessage as error:
                self._drop('from the host', str(error), line)
                continue
            datagram = header.to_guest_program(
                message.payload, message.source_addr
            )
            self._to_program(datagram, message.dest_addr)
        self._port.flush()

    def _to_slow_programs(self) -> None:
        if self._outbox is not None:
            self._outbox.retry()

    def _to_program(self, datagram: bytes, address: str) -> None:
        if self._outbox is None:
            return
        failure = self._outbox.send(datagram, address)
        if failure is not None:
            self._drop('for %s' % quoting.shown(address), failure, datagram)

    def _from_programs(self) -> None:
        for _ in range(TURN):
            if self._socket is None:
                return
            try:
                datagram, path = self._socket.recvfrom(sockets.MAX_DATAGRAM)
            except BlockingIOError:
                return
            self._to_host(datagram, self._space.address(path))

    def _to_host(self, datagram: bytes, source: Optional[str]) -> None:
        if source is None:
            self._drop('from a program', 'it has bound no address', datagram)
            return
        try:
            message = header.parse_guest_program(datagram)
            line = header.serial(message.payload, message.dest_addr, source)
        except BadMessage as error:
            self._drop('from %s' % source, str(error), datagram)
            return
        failure = self._port.send(line)
        if failure is not None:
            self._drop('from %s' % source, failure, datagram)

    @staticmethod
    def _drop(what: str, reason: str, text: bytes) -> None:
        LOG.warning(
            'Dropped a message %s: %s: %s', what, reason, quoting.shown(text)
        )
