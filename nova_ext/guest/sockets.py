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
"""The abstract datagram sockets by which a guest's programs meet.

A program registers by binding its address; there is no other registration.
Linux frees the address when the program ends.
"""

import errno
import logging
import select
import socket
import struct
from typing import Callable
from typing import Optional
from typing import Tuple
from typing import Union

from nova_ext.wire import addresses

LOG = logging.getLogger(__name__)

#: Longest datagram that is read, in bytes.
MAX_DATAGRAM = 65536

#: Why a datagram could not be sent that can be sent later.
FULL = 'the program does not read'

#: The kernel's word on a sender: its process, user and group (unix(7)).
_CREDENTIALS = struct.Struct('iII')

#: Seconds between two attempts to take an address that another program has.
RETRY = (0.1, 0.5, 1.0, 5.0)


def readable(fileno: int, seconds: Optional[float]) -> bool:
    """Wait until there is something to read; tell whether there is.

    :param fileno: any descriptor, also one above 1023: a program of a guest
        may have thousands.
    :param seconds: None for however long.
    """
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(
        poll.poll(None if seconds is None else max(seconds, 0.0) * 1000)
    )


def receive(sock: socket.socket) -> Tuple[bytes, Optional[int]]:
    """Return a datagram and the user ID of the process that sent it.

    :param sock: made by `Space.bind`.
    :returns: None in place of the ID when the kernel does not say.
    :raises BlockingIOError: there is none.
    """
    # There is room for the credentials alone: descriptors that a sender
    # passes on are closed by the kernel.
    datagram, ancillary, _, _ = sock.recvmsg(
        MAX_DATAGRAM, socket.CMSG_SPACE(_CREDENTIALS.size)
    )
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return datagram, _CREDENTIALS.unpack(content)[1]
    return datagram, None


class Space(object):
    """Where addresses live: the network namespace's abstract socket names.

    :param prefix: put before every name, so that several sets of programs
        can run side by side in one network namespace; empty in a real guest.
    """

    def __init__(self, prefix: str = '') -> None:
        self._prefix = prefix

    def path(self, address: str) -> str:
        """Return the socket path of a program's address."""
        return '\0' + self._prefix + address

    def address(self, path: Union[str, bytes, None]) -> Optional[str]:
        """Return the program address of a sender's socket path.

        None when the sender is not bound to an address of this space.
        """
        if not isinstance(path, bytes) or not path.startswith(b'\0'):
            return None
        name = path[1:].decode('ascii', 'replace')
        if not name.startswith(self._prefix):
            return None
        name = name[len(self._prefix) :]
        return name if addresses.is_address(name) else None

    def bind(self, address: str) -> socket.socket:
        """Return a non-blocking socket bound to the address.

        :raises OSError: EADDRINUSE when another program has it.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # Before the first datagram can come, for `receive`.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            sock.bind(self.path(address))
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        return sock

    def has(self, address: str) -> bool:
        """Tell whether a program has the address."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(self.path(address))
            except ConnectionRefusedError:
                return False
        return True

    def bind_when_free(
        self, address: str, pause: Callable[[float], bool]
    ) -> Optional[socket.socket]:
        """Return the bound socket, waiting while another program has it.

        :param pause: waits so many seconds; true ends the attempts.
        :returns: None when ``pause`` ended them.
        """
        attempt = 0
        while True:
            try:
                return self.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            if attempt == 0:
                LOG.warning(
                    'The address %s is in use by another program: stop that '
                    'one, or this one. Trying again until it is free.',
                    address,
                )
            delay = RETRY[min(attempt, len(RETRY) - 1)]
            attempt += 1
            if pause(delay):
                return None

    def send(
        self, sock: socket.socket, datagram: bytes, address: str
    ) -> Optional[str]:
        """Send from a bound socket; return why it failed, or None.

        Unread datagrams are charged to the socket that sent them, so programs
        that do not read can fill its buffer. Then the datagram goes out once
        more from a socket of its own.
        """
        try:
            sock.sendto(datagram, self.path(address))
            return None
        except BlockingIOError:
            return self._send_apart(datagram, address)
        except OSError as error:
            return error.strerror or str(error)

    def _send_apart(self, datagram: bytes, address: str) -> Optional[str]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(datagram, self.path(address))
            except (BlockingIOError, PermissionError):
                # The latter: the program takes from the bound one alone.
                return FULL
            except OSError as error:
                return error.strerror or str(error)
        return None
