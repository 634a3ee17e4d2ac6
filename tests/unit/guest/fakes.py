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
"""A guest without a kernel of its own: its CPUs, port and helper."""

from collections.abc import Iterator
import contextlib
import json
import os
import pathlib
import socket
import threading
from typing import Any
from typing import Protocol

from nova_ext import cpuset
from nova_ext.guest import agent
from nova_ext.guest import application
from nova_ext.guest import cpus
from nova_ext.guest import helper
from nova_ext.guest import hooks
from nova_ext.guest import port
from nova_ext.guest import runner
from nova_ext.guest import scale_agent
from nova_ext.guest import sockets
from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import jsonc

#: A program that sends its second argument to the abstract address that is
#: its first, several times and as nobody; to be started as root.
STRANGER = """
import os
import socket
import sys

os.setgid(65534)
os.setuid(65534)
target = chr(0) + sys.argv[1]
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.bind(target + '.stranger')
for _ in range(3):
    sender.sendto(sys.argv[2].encode(), target)
"""


class FakeCpus(cpus.Cpus):
    """A folder like the kernel's, with CPUs 0 to ``count`` - 1.

    As in the kernel, CPU 0 has no switch and ``online`` lists what is on.
    """

    def __init__(
        self, root: pathlib.Path, online: str = '0-3', count: int = 4
    ) -> None:
        super().__init__(str(root))
        self.root = root
        self.count = count
        #: The writes that reached a switch, such as ``('cpu1', '0')``.
        self.writes: list[tuple[str, str]] = []
        for cpu in range(1, count):
            (root / ('cpu%d' % cpu)).mkdir(parents=True)
        self.reset(online)

    def reset(self, online: str) -> None:
        """Put the CPUs of the list online and the others offline."""
        for cpu in range(1, self.count):
            is_on = cpu in cpuset.parse(online)
            switch = self.root / ('cpu%d' % cpu) / 'online'
            switch.write_text('1\n' if is_on else '0\n')
        self._list()

    def shown(self) -> str:
        """Return the text of the file ``online``."""
        return (self.root / 'online').read_text().strip()

    def _write(self, name: str, value: str) -> None:
        super()._write(name, value)
        self.writes.append((name.split('/')[0], value))
        self._list()

    def _list(self) -> None:
        on = {0} | {
            cpu
            for cpu in range(1, self.count)
            if (self.root / ('cpu%d' % cpu) / 'online').read_text()[0] == '1'
        }
        (self.root / 'online').write_text(cpuset.render(on) + '\n')


class FakeHelper(helper.Helper):
    """Exits at once with a status; None is a helper that is missing."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__('/nonexistent')
        self.status = status
        self.calls: list[list[str]] = []

    def _run(self, args: list[str], limit: runner.Limit) -> int | None:
        self.calls.append(args)
        return self.status


def says(old: helper.Helper | None = None) -> application.Application:
    """Return an application without hooks, and with this helper."""
    return application.Application(
        old or FakeHelper(), hooks.Hooks('/nonexistent')
    )


class Server(Protocol):
    def run(self) -> None: ...

    def stop(self) -> None: ...


@contextlib.contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Run each server in a thread and end them all."""
    threads = [threading.Thread(target=server.run) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def port_on(end: socket.socket) -> port.Port:
    """Return a serial port that is one end of a pair of sockets."""
    end.setblocking(False)
    return port.Port('a pair of sockets', lambda path: os.dup(end.fileno()))


def says_nothing(*args: object) -> None:
    """Stand for the announcement of a scale agent."""


@contextlib.contextmanager
def guest(
    host_end: socket.socket,
    space: sockets.Space,
    processors: cpus.Cpus,
    old: helper.Helper,
) -> Iterator[None]:
    """Run the two real agents of one guest on a port.

    Ready at once: the port and both addresses are taken in this thread's
    order of waiting, because a message can wait in the port. Like the
    original, the scale agent says nothing that it was not asked.
    """
    scaling = scale_agent.ScaleAgent(
        processors, says(old), space, announcer=says_nothing
    )
    with running(scaling):
        scaling.serving.wait(10)
        with running(agent.Agent(port_on(host_end), space)):
            yield


class OldAgent:
    """The original guest agent as its programs see it, host included.

    Datagrams are cut at its buffer, and what is no message is dropped.
    """

    def __init__(self, space: sockets.Space) -> None:
        self._space = space
        self._socket = space.bind(addresses.AGENT)
        self._socket.settimeout(10)
        self._queued: list[tuple[bytes, str]] = []

    def taken(self) -> str:
        """Return the next line that a program had sent to the host."""
        datagram, path = self._socket.recvfrom(10000)
        message = json.loads(datagram)
        source = self._space.address(path)
        assert source is not None, 'the original drops unbound senders'
        line = header.serial(
            jsonc.dumps(message['data']), message['dest_addr'], source
        )
        assert message['version'] == 2
        return line.decode()

    def queue(self, data: object, address: str, source: str) -> None:
        """Deliver a message with the next `flush`."""
        datagram = header.to_guest_program(jsonc.dumps(data), source)
        self._queued.append((datagram, address))

    def flush(self) -> None:
        while self._queued:
            self.raw(*self._queued.pop(0))

    def deliver(self, data: object, address: str, source: str) -> None:
        """Deliver a message of a host's program."""
        self.queue(data, address, source)
        self.flush()

    def raw(self, datagram: bytes, address: str) -> None:
        assert self._space.send(self._socket, datagram, address) is None

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
