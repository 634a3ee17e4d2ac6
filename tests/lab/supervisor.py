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
"""Start, watch and stop the lab's services, through the keeper."""

import collections.abc
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import typing

from tests.lab import errors
from tests.lab import identity
from tests.lab import layout
from tests.lab import progress

#: Seconds between two looks at a service that is not ready yet.
POLL = 0.1

Probe = collections.abc.Callable[[], bool]


@dataclasses.dataclass(frozen=True)
class Service:
    """One program of the lab.

    :param ready: says whether it serves; none when its end is awaited.
    :param timeout: seconds until it must serve.
    """

    name: str
    arguments: tuple[str | os.PathLike[str], ...]
    ready: Probe | None = None
    timeout: float = 60
    env: tuple[tuple[str, str], ...] = ()


class Supervisor:
    """Talks to the keeper of one lab."""

    def __init__(self, paths: layout.Layout) -> None:
        self.paths = paths
        self.mark = identity.mark_of(paths.cache)

    @property
    def socket(self) -> pathlib.Path:
        """Where the keeper listens."""
        return self.paths.state / 'keeper.sock'

    def open(
        self,
        binds: collections.abc.Mapping[pathlib.Path, pathlib.Path],
        owner: int | None,
    ) -> None:
        """Start the keeper.

        :param binds: see :func:`tests.lab.namespace.enter`.
        :param owner: the pid of the process whose end ends the lab, if any.
        :raises errors.LabError: with its log when it does not come up.
        """
        mark_folder = self.paths.state / 'mark'
        mark_folder.mkdir()
        order = {
            'mark': self.mark,
            'mark_folder': str(mark_folder),
            'socket': str(self.socket),
            'owner': owner,
            'binds': {str(key): str(value) for key, value in binds.items()},
        }
        log = self.paths.logs / 'keeper.log'
        with log.open('ab') as file:
            process = subprocess.Popen(
                [sys.executable, '-m', 'tests.lab.keeper', json.dumps(order)],
                cwd=layout.CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while not self.socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise _failure('keeper', 'does not start', log)
            time.sleep(0.02)

    def running(self) -> bool:
        """Whether a keeper serves."""
        try:
            self.services()
        except errors.LabError:
            return False
        return True

    def close(self) -> None:
        """End everything of this lab, whatever state it is in.

        :raises errors.LabError: when processes survive, with their pids.
        """
        try:
            self._ask({'action': 'end'})
        except errors.LabError:
            # No keeper any more; what it left is found by its mark.
            pass
        deadline = time.monotonic() + 20
        while self.socket.exists() and time.monotonic() < deadline:
            if not identity.bearers(self.mark):
                break
            time.sleep(0.05)
        remaining = identity.end_all(self.mark)
        if remaining:
            raise errors.LabError(f'These processes do not end: {remaining}')

    def services(self) -> dict[str, dict[str, typing.Any]]:
        """Services by name: ``pid``, ``start_time``, ``status`` when ended."""
        answer = self._ask({'action': 'list'})
        assert isinstance(answer, dict)
        return answer

    def start(self, *services: Service) -> None:
        """Start services side by side, and wait until all of them serve.

        :raises errors.LabError: with the log of the first that does not.
        """
        for service in services:
            self.launch(service)
        for service in services:
            self.await_ready(service)

    def launch(self, service: Service) -> int:
        """Start a service, do not wait; its pid."""
        env = {
            key: value
            for key, value in os.environ.items()
            if key in ('PATH', 'LANG', 'LC_ALL', 'TZ')
        }
        home = self.paths.state / 'home'
        home.mkdir(exist_ok=True)
        env.update({'HOME': str(home), 'PYTHONUNBUFFERED': '1'})
        env.update(service.env)
        answer = self._ask(
            {
                'action': 'start',
                'name': service.name,
                'arguments': [os.fspath(word) for word in service.arguments],
                'env': env,
                'cwd': str(self.paths.state),
                'log': str(self.log(service.name)),
            }
        )
        return int(answer)

    def await_ready(self, service: Service) -> None:
        """Wait until a launched service serves, or, without a probe, ends.

        :raises errors.LabError: when it ended or was too slow, with its log.
        """
        deadline = time.monotonic() + service.timeout
        log = self.log(service.name)
        while True:
            status = self.services()[service.name]['status']
            if service.ready is None and status == 0:
                return
            if status is not None:
                raise _failure(service.name, f'ended with {status}', log)
            if service.ready is not None and service.ready():
                return
            if time.monotonic() > deadline:
                seconds = f'{service.timeout:.0f} s'
                raise _failure(service.name, f'not ready in {seconds}', log)
            time.sleep(POLL)

    def send_signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a service; false when it has ended already."""
        return bool(
            self._ask({'action': 'signal', 'name': name, 'signal': number})
        )

    def stop(
        self,
        name: str,
        number: signal.Signals = signal.SIGTERM,
        timeout: float = 20,
    ) -> None:
        """Stop one service: with a signal, then, when too slow, for good."""
        self.send_signal(name, number)
        deadline = time.monotonic() + timeout
        while self.services()[name]['status'] is None:
            if time.monotonic() > deadline:
                self.send_signal(name, signal.SIGKILL)
                deadline = float('inf')
            time.sleep(POLL)

    def log(self, name: str) -> pathlib.Path:
        """The log file of a service."""
        return self.paths.logs / f'{name}.log'

    def _ask(self, request: dict[str, typing.Any]) -> typing.Any:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            try:
                connection.connect(str(self.socket))
                connection.sendall(json.dumps(request).encode() + b'\n')
                with connection.makefile('rb') as file:
                    reply = json.loads(file.readline())
            except (OSError, ValueError) as error:
                raise errors.LabError(
                    f'The lab does not run ({error}): ./lab up starts it.'
                ) from error
        if 'error' in reply:
            raise errors.LabError(f'{request["action"]}: {reply["error"]}')
        return reply['answer']


def _failure(name: str, what: str, log: pathlib.Path) -> errors.LabError:
    end = '\n    '.join(progress.tail(log, 25))
    return errors.LabError(f'{name}: {what}. The end of {log}:\n    {end}')
