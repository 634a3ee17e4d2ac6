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
"""Both ends of the channel: what QEMU and a host's program do."""

import contextlib
import pathlib
import socket
import time

from nova_ext.channel import local_protocol
from nova_ext.wire import addresses
from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc

ADDRESS = 'cgcs.bench'
LIMIT = 20.0
READ = 65536


def instance(number: int) -> str:
    """Return the name of the n-th instance."""
    return 'instance-%08x' % number


def text_message(make, size: int) -> bytes:
    """Return a message of exactly so many bytes, most of them text.

    :param make: makes a message of the JSON text of its ``data``.
    """

    def filled(length: int) -> bytes:
        data = {'version': 2, 'msg_type': 'broadcast', 'data': 'x' * length}
        return make(jsonc.dumps(data))

    return filled(size - len(filled(0)))


class Guest:
    """A guest, from QEMU's socket on."""

    def __init__(self, folder: pathlib.Path, number: int) -> None:
        self.instance = instance(number)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = folder / addresses.socket_name(self.instance)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._listener.settimeout(LIMIT)

    def accept(self) -> None:
        """Wait for the host's end."""
        self.socket, _ = self._listener.accept()
        self.socket.settimeout(LIMIT)

    def message(self, size: int, address: str = ADDRESS) -> bytes:
        """Return a message to a program, framed."""
        return framing.guest_line(
            text_message(
                lambda data: header.serial(data, address, 'cgcs.guest'), size
            )
        )

    def close(self) -> None:
        """End."""
        self._listener.close()
        self.socket.close()


class Program:
    """A program of the host, without the client's checks."""

    def __init__(self, path: pathlib.Path, address: str = ADDRESS) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(LIMIT)
        _connect(self.socket, path)
        self.socket.send(local_protocol.bind_packet(address))
        assert b'"bound"' in self.socket.recv(READ)

    def message(self, name: str, size: int) -> bytes:
        """Return a packet to a guest."""
        return text_message(
            lambda data: (
                '{"version":2,"dest_instance":"%s","dest_addr":"%s",'
                '"data":%s}' % (name, ADDRESS, data)
            ).encode(),
            size,
        )

    def close(self) -> None:
        """Free the address."""
        self.socket.close()


def _connect(sock: socket.socket, path: pathlib.Path) -> None:
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            sock.connect(str(path))
            return
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class Host(contextlib.ExitStack):
    """Guests and one program of a subject.

    :param start: starts the subject for a folder and a local socket.
    """

    def __init__(self, base: pathlib.Path, name: str, count: int, start):
        super().__init__()
        folder = base / name
        folder.mkdir()
        local = base / (name + '.sock')
        self.local = local
        self.guests = [Guest(folder, number) for number in range(count)]
        self.subject = start(folder, local)
        self.callback(self.subject.close)
        for guest in self.guests:
            guest.accept()
            self.callback(guest.close)
        self.program = Program(local)
        self.callback(self.program.close)
