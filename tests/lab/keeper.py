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
"""The one parent of everything in the lab.

It starts and signals services on request over a unix socket, reaps whatever
dies, and ends all of it when it is told to, or when its owner is gone. Run as
``python -m tests.lab.keeper`` with a JSON object in its first argument.
"""

import ctypes
import dataclasses
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import typing

from tests.lab import identity
from tests.lab import namespace

#: How long a whole request may take to arrive or to be answered, in seconds.
CLIENT_TIMEOUT = 5.0

PR_SET_NAME = 15


@dataclasses.dataclass
class Service:
    """One started program; ``status`` is its exit status once it ended."""

    process: subprocess.Popen[bytes]
    start_time: int | None
    status: int | None = None


class Keeper:
    """Serves the requests ``start``, ``signal``, ``list`` and ``end``."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.ended = False

    def answer(self, request: dict[str, typing.Any]) -> typing.Any:
        """Do one request; what it raises is told to the client."""
        action = request['action']
        if action == 'start':
            return self._start(request)
        if action == 'signal':
            return self._signal(request['name'], request['signal'])
        if action == 'list':
            return {
                name: {
                    'pid': service.process.pid,
                    'start_time': service.start_time,
                    'status': service.status,
                }
                for name, service in self.services.items()
            }
        if action == 'end':
            self.ended = True
            return None
        raise ValueError(f'unknown action {action}')

    def _start(self, request: dict[str, typing.Any]) -> int:
        name = request['name']
        old = self.services.get(name)
        if old is not None and old.status is None:
            raise ValueError(f'{name} runs already, as pid {old.process.pid}')
        with open(request['log'], 'ab') as log:
            process = subprocess.Popen(
                request['arguments'],
                env=request['env'],
                cwd=request['cwd'],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = identity.start_time(process.pid)
        self.services[name] = Service(process, started)
        return process.pid

    def _signal(self, name: str, number: int) -> bool:
        service = self.services[name]
        if service.status is not None:
            return False
        # With its workers. It is our child and not yet reaped, so that the
        # pid, which is also its group's number, is still its own.
        os.killpg(service.process.pid, number)
        return True

    def reap(self) -> None:
        """Collect everything that died, orphans of services included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for service in self.services.values():
                if service.process.pid == pid and service.status is None:
                    service.status = os.waitstatus_to_exitcode(status)
                    service.process.returncode = service.status


def serve(keeper: Keeper, listener: socket.socket, owner: int | None) -> None:
    """Answer requests until ``end``, a signal to end, or the owner's death."""
    wake_read, wake_write = os.pipe()
    for descriptor in (wake_read, wake_write):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(keeper, 'ended', True))
    sources: list[typing.Any] = [listener, wake_read]
    if owner is not None:
        sources.append(owner)
    while not keeper.ended:
        ready, _, _ = select.select(sources, [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
        keeper.reap()
        if listener in ready:
            _converse(keeper, listener)
        if owner in ready:
            keeper.ended = True


def _converse(keeper: Keeper, listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(CLIENT_TIMEOUT)
        try:
            with connection.makefile('rb') as file:
                request = json.loads(file.readline())
            try:
                reply = {'answer': keeper.answer(request)}
            except (KeyError, ValueError, OSError) as error:
                reply = {'error': f'{type(error).__name__}: {error}'}
            connection.sendall(json.dumps(reply).encode() + b'\n')
        except (OSError, ValueError) as error:
            print(f'a client failed: {error!r}', flush=True)


def main() -> None:
    """Enter the lab's namespaces, serve, and leave nothing behind."""
    order = json.loads(sys.argv[1])
    owner = None
    if order['owner'] is not None:
        owner = os.pidfd_open(order['owner'])
    mark = order['mark']
    namespace.reap_orphans()
    binds = {
        pathlib.Path(place): pathlib.Path(shown)
        for place, shown in order['binds'].items()
    }
    namespace.enter(binds, mark, pathlib.Path(order['mark_folder']))
    ctypes.CDLL(None).prctl(PR_SET_NAME, b'nova-ext-lab', 0, 0, 0)
    keeper = Keeper()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(order['socket'])
    listener.listen(16)
    try:
        serve(keeper, listener, owner)
    finally:
        identity.end_all(mark)
        keeper.reap()
        pathlib.Path(order['socket']).unlink(missing_ok=True)


if __name__ == '__main__':
    main()
