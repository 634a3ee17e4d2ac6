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
"""How a program of this host talks to guests: through nova-ext-channel.

A connection serves one program address, one thread that receives, and one
that sends. Programs that ask from several threads open one for each request,
with a fresh address (`nova_ext.wire.addresses.scale_address`).
"""

import collections
from collections.abc import Mapping
import dataclasses
import os
import socket
import time
import types
from typing import Any

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.channel import limits
from nova_ext.channel import local_protocol
from nova_ext.wire import header
from nova_ext.wire import quoting
from nova_ext.wire.jsonc import BadMessage

LOG = logging.getLogger(__name__)

#: Seconds within which the daemon, a process of this host, must take a
#: packet or answer the first one.
DAEMON_TIMEOUT = 5.0


@dataclasses.dataclass(frozen=True)
class Received:
    """A message from a guest; the daemon vouches for ``instance``."""

    instance: str
    source_addr: str
    data: Any


class LocalProgram:
    """A bound program address on the guest channel of this host.

    A context manager; the address is free again when it ends.

    :param socket_path: ``[nova_ext_channel]local_socket``.
    :param address: the address to bind, such as ``scale-0123abcd``.
    :raises exception.ChannelUnavailable: the daemon cannot be reached, does
        not admit this process, or this host is short of files.
    :raises exception.AddressInUse: another program has bound the address.
    """

    def __init__(self, socket_path: str, address: str) -> None:
        self.address = address
        self._path = socket_path
        self._arrived: collections.deque[bytes] = collections.deque()
        self._gate = limits.LogGate()
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self._bind()
                # Its time limit is its own; each direction needs another.
                self._sender = self._socket.dup()
            except BaseException:
                self._socket.close()
                raise
        except OSError as error:
            raise self._unavailable(error) from error
        self._sender.settimeout(DAEMON_TIMEOUT)

    def _bind(self) -> None:
        self._socket.settimeout(DAEMON_TIMEOUT)
        self._socket.connect(self._path)
        self._socket.send(local_protocol.bind_packet(self.address))
        refusal = local_protocol.refusal(self._receive())
        if refusal == local_protocol.ADDRESS_IN_USE:
            raise exception.AddressInUse(address=self.address)
        if refusal is not None:
            raise self._unavailable(refusal)

    def __enter__(self) -> 'LocalProgram':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unbind the address."""
        self._sender.close()
        self._socket.close()

    def send(
        self, instance: str, dest_addr: str, data: Mapping[str, Any]
    ) -> None:
        """Give a message for a program in a guest to the daemon.

        Delivery is not confirmed: a guest that is not there stays silent.

        :raises exception.ChannelUnavailable: the daemon is gone or stuck.
        """
        packet = header.from_host_program(instance, dest_addr, data)
        try:
            self._sender.send(packet)
        except OSError as error:
            raise self._unavailable(error) from error

    def receive(self, deadline: float) -> Received:
        """Return the next message for this address.

        :param deadline: `time.monotonic` seconds.
        :raises exception.ChannelTimeout: none came before the deadline.
        :raises exception.ChannelUnavailable: the daemon is gone.
        """
        while True:
            try:
                # Zero would mean non-blocking, and a negative value an error.
                self._socket.settimeout(
                    max(deadline - time.monotonic(), 0.0001)
                )
                packet = self._packet()
            except TimeoutError:
                raise exception.ChannelTimeout(address=self.address) from None
            except OSError as error:
                raise self._unavailable(error) from error
            try:
                message = header.parse_delivered(packet)
            except BadMessage as error:
                self._ignore(packet, error)
                continue
            return Received(
                instance=message.source_instance or '',
                source_addr=message.source_addr,
                data=message.data,
            )

    def _ignore(self, packet: bytes, error: BadMessage) -> None:
        if log := self._gate.admit_to(LOG):
            log.warning(
                'Ignored a packet of the channel daemon: %s: %s',
                error,
                quoting.shown(packet),
            )

    def _packet(self) -> bytes:
        if not self._arrived:
            self._arrived.extend(self._receive().split(b'\n'))
        return self._arrived.popleft()

    def _receive(self) -> bytes:
        packet = self._socket.recv(local_protocol.MAX_PACKET)
        if not packet:
            raise ConnectionResetError('the daemon closed the connection')
        return packet

    def _unavailable(
        self, reason: OSError | str
    ) -> exception.ChannelUnavailable:
        if isinstance(reason, TimeoutError):
            reason = 'no answer within %.0f s' % DAEMON_TIMEOUT
        elif isinstance(reason, OSError) and reason.errno:
            reason = os.strerror(reason.errno)
        return exception.ChannelUnavailable(path=self._path, reason=reason)
