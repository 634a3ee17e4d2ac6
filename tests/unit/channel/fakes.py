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
"""What surrounds the daemon: QEMU on one side, programs on the other."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import http.client
import os
import pathlib
import socket
import threading
import time
from typing import Any

from nova_ext.channel import client
from nova_ext.channel import daemon
from nova_ext.channel import limits
from nova_ext.channel import tally
from nova_ext.wire import addresses
from nova_ext.wire import framing
from nova_ext.wire import header

INSTANCE = 'instance-0000000a'


class FakeQemu:
    """Listens as QEMU does for one guest, and is that guest's end."""

    def __init__(
        self,
        folder: pathlib.Path,
        instance: str = INSTANCE,
        listens: bool = True,
    ) -> None:
        self.instance = instance
        self.path = folder / addresses.socket_name(instance)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.settimeout(10)
        if listens:
            self.listen()
        self._connection: socket.socket | None = None
        self._reader = framing.LineReader(1 << 20)
        self._lines: list[bytes] = []

    def listen(self) -> None:
        """Begin to take connections."""
        self._listener.listen(1)

    @property
    def connection(self) -> socket.socket:
        """The daemon's connection; waits for it."""
        if self._connection is None:
            self._connection, _ = self._listener.accept()
            self._connection.settimeout(10)
        return self._connection

    def send(self, raw: bytes) -> None:
        self.connection.sendall(raw)

    def say(self, dest: str, data: str, source: str = 'cgcs.scale') -> None:
        """Send a message as a guest's agent does; ``data`` is JSON text."""
        self.send(framing.guest_line(header.serial(data, dest, source)))

    def raw(self, size: int) -> bytes:
        """Return so many bytes."""
        found = b''
        while len(found) < size:
            chunk = self.connection.recv(size - len(found))
            assert chunk, 'the daemon closed the connection'
            found += chunk
        return found

    def line(self) -> bytes:
        """Return the next line from the daemon."""
        while not self._lines:
            chunk = self.connection.recv(65536)
            assert chunk, 'the daemon closed the connection'
            self._lines = self._reader.feed(chunk)
        return self._lines.pop(0)

    def message(self) -> Any:
        return header.parse_serial(self.line())

    def hang_up(self) -> None:
        """Close the connection but go on listening."""
        self.connection.close()
        self._connection = None
        self._reader = framing.LineReader(1 << 20)

    def close(self) -> None:
        """Die; the file of the socket stays, as QEMU's does when killed."""
        self._listener.close()
        if self._connection is not None:
            self._connection.close()

    def vanish(self) -> None:
        """Die in good order: the file goes away."""
        self.close()
        self.path.unlink()


class FakeLoop:
    """Keeps what is to be called later, and calls it on demand."""

    def __init__(self) -> None:
        self.events: dict[int, int] = {}
        self.later: list[tuple[float, Callable[[], None]]] = []

    def watch(self, fd: int, events: int, handler: object) -> None:
        self.events[fd] = events

    def change(self, fd: int, events: int) -> None:
        self.events[fd] = events

    def forget(self, fd: int) -> None:
        del self.events[fd]

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        self.later.append((delay, callback))

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.later.append((0.0, callback))

    def fire(self) -> float:
        """Do the next thing; return how long it was to wait."""
        delay, callback = self.later.pop(0)
        callback()
        return delay

    def due(self) -> bool:
        """Tell whether something is to be done without a wait."""
        return any(delay == 0 for delay, _ in self.later)

    def fire_due(self) -> None:
        """Do what is to be done without a wait."""
        due = [entry for entry in self.later if entry[0] == 0]
        self.later = [entry for entry in self.later if entry[0] > 0]
        for _, callback in due:
            callback()


@contextlib.contextmanager
def running(settings: daemon.Settings) -> Iterator[daemon.Daemon]:
    """Run the real daemon in a thread."""
    server = daemon.Daemon(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.serving.wait(10)
        yield server
    finally:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


def settings(folder: pathlib.Path, **changes: Any) -> daemon.Settings:
    """Return settings for a host whose files are all in one folder.

    :param changes: fields of `daemon.Settings` or of `limits.Limits`.
    """
    own = {
        key: changes.pop(key)
        for key in list(changes)
        if key in daemon.Settings.__dataclass_fields__
    }
    return daemon.Settings(
        **{
            'guest_socket_dir': str(folder),
            'local_socket': str(folder / 'channel.sock'),
            'scan_interval': 3600.0,
            'limits': limits.Limits(**changes),
            **own,
        }
    )


def get(path: pathlib.Path, page: str) -> tuple[int, bytes]:
    """Ask by HTTP at a unix socket; return status and body."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(b'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' % page.encode())
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        return answer.status, answer.read()


def counts(server: daemon.Daemon) -> collections.Counter[str]:
    """Return what the daemon has counted, by outcome."""
    return outcomes(server.router.totals())


def outcomes(found: tally.Tally) -> collections.Counter[str]:
    """Return counts by direction, and by reason for what was dropped."""
    made: collections.Counter[str] = collections.Counter()
    for name in ('to_program', 'to_guest'):
        flow = getattr(found, name)
        if flow.messages:
            made[name] = flow.messages
        for reason, count in flow.dropped.items():
            made['dropped: ' + reason] += count
    return made


def clean(folder: pathlib.Path) -> None:
    for path in folder.iterdir():
        os.unlink(path)
    folder.rmdir()


def soon() -> float:
    return time.monotonic() + 10


def exchange(end: FakeQemu, asker: client.LocalProgram) -> object:
    """Send something to the guest and let it answer."""
    asker.send(end.instance, 'cgcs.scale', {'n': 1})
    message = end.message()
    end.say(message.source_addr, message.payload)
    return asker.receive(soon()).data
