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
"""Messages between a program of this guest and programs of its host.

A program takes an address, up to 15 characters that no other program of the
guest has, and sends JSON to the addresses of programs on the host; the guest
agent (ours or the original) carries them. Best effort: nothing is
acknowledged, and what is sent while the host is away is lost.

.. code-block:: python

   with guest_host_msg.connect('my-app') as host:
       host.send('my-service', {'hello': 1})
       for message in host:
           print(message.source_addr, message.data)
"""

import errno
import socket
import struct
import time
from typing import Any
from typing import Iterator
from typing import NamedTuple
from typing import Optional

from nova_ext.guest import sockets
from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import server_group as wire

#: ``data`` is any JSON value, ``source_addr`` the address of its sender.
Message = NamedTuple('Message', [('source_addr', str), ('data', Any)])

#: Longest address that the original agents hold.
MAX_ADDRESS = 15

_MISSING = 'No guest agent runs in this guest: start guest-agent.service.'

#: Seconds in which the agent must read.
SEND_TIMEOUT = 1.0

#: Seconds between two looks for an agent that is not there yet.
_LOOK = 0.1


class ChannelError(Exception):
    """The channel cannot be used; the text says why and what to do."""


class AddressInUse(ChannelError):
    """Another program of this guest has the address."""


class AgentMissing(ChannelError):
    """No guest agent runs in this guest."""


class AgentBusy(ChannelError):
    """The guest agent does not keep up; send again later."""


class TooLong(ChannelError):
    """The message does not fit the buffers of every receiver."""


def connect(
    address: str, wait: float = 0.0, space: Optional[sockets.Space] = None
) -> 'Connection':
    """Take an address and make sure that there is an agent.

    :param address: up to 15 printable ASCII characters.
    :param wait: seconds to wait for the agent, or for the address to be
        free, such as while the guest boots.
    :raises ValueError: it is no address.
    :raises AddressInUse: another program has it.
    :raises AgentMissing: nobody would carry the messages.
    """
    if not addresses.is_address(address) or len(address) > MAX_ADDRESS:
        raise ValueError(
            '%r is no address: wanted 1 to %d printable ASCII characters.'
            % (address, MAX_ADDRESS)
        )
    deadline = time.monotonic() + wait
    while True:
        try:
            return _connect(address, space or sockets.Space())
        except ChannelError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK)


def _connect(address: str, space: sockets.Space) -> 'Connection':
    try:
        sock = space.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise AddressInUse(
            'The address %s is in use by another program of this guest: stop '
            'that one first.' % address
        )
    try:
        if not space.has(addresses.AGENT):
            raise AgentMissing(_MISSING)
        return Connection(address, sock, space)
    except BaseException:
        sock.close()
        raise


class Connection(object):
    """One address of this guest, until `close`.

    It lasts while the agent restarts; what is sent meanwhile is refused with
    `AgentMissing`. Use it from one thread at a time; `send` from any.
    """

    def __init__(
        self, address: str, sock: socket.socket, space: sockets.Space
    ) -> None:
        self.address = address
        self._socket = sock
        self._space = space
        # Blocking with a limit of the kernel's own: only so does it wait for
        # the receiver's queue, which holds ten datagrams or so.
        sock.setblocking(True)
        sock.setsockopt(
            socket.SOL_SOCKET,
            socket.SO_SNDTIMEO,
            struct.pack('@ll', int(SEND_TIMEOUT), 0),
        )

    def fileno(self) -> int:
        """Return the descriptor that is readable when a message waits."""
        return self._socket.fileno()

    def send(self, dest_addr: str, data: Any) -> None:
        """Send a message to a program on the host.

        Waits for the agent to read what was sent before, for `SEND_TIMEOUT`
        at most.

        :param data: what JSON can hold.
        :raises TooLong: with its envelope it has 4096 bytes or more.
        :raises AgentMissing: the agent is not there now.
        :raises AgentBusy: it has not read in time.
        :raises nova_ext.wire.jsonc.BadMessage: the data is no JSON.
        """
        size = wire.host_size(data, self.address)
        if size >= wire.MAX_DATAGRAM:
            raise TooLong(
                'The message has %d bytes with its envelope; receivers read '
                'less than %d: send it in parts.' % (size, wire.MAX_DATAGRAM)
            )
        try:
            self._socket.sendto(
                header.from_guest_program(data, dest_addr),
                self._space.path(addresses.AGENT),
            )
        except BlockingIOError:
            raise AgentBusy(
                'The guest agent has not read for %g s: send it later.'
                % SEND_TIMEOUT
            )
        except ConnectionRefusedError:
            raise AgentMissing(_MISSING)

    def receive(self, timeout: Optional[float] = None) -> Optional[Message]:
        """Return the next message; None when none came in time.

        :param timeout: seconds to wait for it; without end if None.
        :raises nova_ext.wire.jsonc.BadMessage: what came is no message.
        """
        if not sockets.readable(self.fileno(), timeout):
            return None
        try:
            datagram = self._socket.recv(
                sockets.MAX_DATAGRAM, socket.MSG_DONTWAIT
            )
        except BlockingIOError:
            return None
        found = header.parse_delivered(datagram)
        return Message(found.source_addr, found.data)

    def __iter__(self) -> Iterator[Message]:
        """Yield the messages as they come, until the connection is closed."""
        while self.fileno() >= 0:
            message = self.receive()
            if message is not None:
                yield message

    def close(self) -> None:
        """Give the address back."""
        self._socket.close()

    def __enter__(self) -> 'Connection':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
