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
"""Where the lab keeps things: a cache that stays, a state that does not."""

import collections.abc
import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shutil

from tests.lab import errors
from tests.lab import progress

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

#: Unix socket paths end at 107 characters, and the longest below ours is
#: ``/lab/run/nova-ext/nova-ext-groups-relay.sock``.
LONGEST_CACHE_PATH = 63


@dataclasses.dataclass(frozen=True)
class Layout:
    """All paths of one lab, as one of its compute hosts sees them.

    :param cache: the folder that holds everything, outside the checkout.
    :param part: below the state, the folder of a further compute host; empty
        for the lab itself and its first host.
    """

    cache: pathlib.Path
    part: str = ''

    def of_host(self, part: str) -> 'Layout':
        """The paths of a further compute host."""
        return dataclasses.replace(self, part=part)

    @property
    def environments(self) -> pathlib.Path:
        """Virtual environments; kept."""
        return self.cache / 'environments'

    @property
    def guest(self) -> pathlib.Path:
        """Kernel, initrd and images of the guest; kept."""
        return self.cache / 'guest'

    @property
    def databases(self) -> pathlib.Path:
        """Filled databases to start from; kept."""
        return self.cache / 'databases'

    @property
    def build_logs(self) -> pathlib.Path:
        """What the installers printed; kept."""
        return self.cache / 'log'

    @property
    def state(self) -> pathlib.Path:
        """What one run of the lab leaves; emptied by the next start."""
        return self.cache / 'lab' / self.part

    @property
    def run(self) -> pathlib.Path:
        """The folder that the lab's processes see as /run."""
        return self.state / 'run'

    @property
    def logs(self) -> pathlib.Path:
        """One log a service."""
        return self.state / 'log'

    @property
    def configuration(self) -> pathlib.Path:
        """One folder of configuration files a service."""
        return self.state / 'etc'

    def python(self, environment: str) -> pathlib.Path:
        """The interpreter of a virtual environment."""
        return self.program(environment, 'python')

    def program(self, environment: str, name: str) -> pathlib.Path:
        """A program of a virtual environment."""
        return self.environments / environment / 'bin' / name

    def empty_state(self) -> None:
        """Start with nothing of an earlier run."""
        if self.state.exists():
            shutil.rmtree(self.state)
        for folder in (self.run, self.logs, self.configuration):
            folder.mkdir(parents=True)

    @contextlib.contextmanager
    def locked(self, purpose: str) -> collections.abc.Iterator[None]:
        """Keep other lab commands on the same cache out.

        :param purpose: the name of the lock, ``build`` or ``lab``.
        """
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / f'{purpose}.lock').open('w') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.say(f'Waiting for another ./lab ({file.name}) ...')
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def from_environment() -> Layout:
    """The layout below ``NOVA_EXT_CACHE`` or ``~/.cache/nova-ext``.

    :raises errors.LabError: for a path too long for unix sockets below it.
    """
    chosen = os.environ.get('NOVA_EXT_CACHE') or '~/.cache/nova-ext'
    cache = pathlib.Path(chosen).expanduser().absolute()
    if len(str(cache)) > LONGEST_CACHE_PATH:
        raise errors.LabError(
            f'NOVA_EXT_CACHE={cache} is {len(str(cache))} characters long, '
            f'at most {LONGEST_CACHE_PATH} leave room for unix sockets: '
            f'choose a shorter path.'
        )
    return Layout(cache)
