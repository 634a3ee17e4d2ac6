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
"""The process under test, and what it costs."""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
from typing import TextIO

from nova_ext.channel import local_protocol

#: Its own core, so that the load does not steal from it.
CORE = 1
#: In kernel's include/linux/posix-timers.h: the CPU time of a whole process.
_CPUCLOCK_SCHED = 2
_RELAY = pathlib.Path(__file__).with_name('relay.c')


class Subject:
    """A process on its own core.

    :param command: its program, with arguments.
    """

    def __init__(self, log: TextIO, *command: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, {CORE}),
        )
        self.pid = self._process.pid
        self._clock = (~self.pid << 3) | _CPUCLOCK_SCHED

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        return time.clock_gettime(self._clock)

    def memory(self) -> int:
        """Return the bytes that only it occupies."""
        path = '/proc/%d/smaps_rollup' % self.pid
        lines = pathlib.Path(path).read_text().splitlines()
        own = [line.split() for line in lines if line.startswith('Private')]
        return sum(int(words[1]) for words in own) * 1024

    def alive(self) -> bool:
        """Tell whether it runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def daemon(folder: pathlib.Path, local: pathlib.Path, **options) -> Subject:
    """Start nova-ext-channel as an operator does.

    :param options: of ``[nova_ext_channel]``.
    """
    config = local.with_suffix('.conf')
    lines = ['[nova_ext_channel]']
    lines.append('guest_socket_dir = %s' % folder)
    lines.append('local_socket = %s' % local)
    lines.append('monitor = %s' % local.with_suffix('.status'))
    lines += ['%s = %s' % item for item in options.items()]
    config.write_text('\n'.join(lines) + '\n')
    log = local.with_suffix('.log').open('w')
    return Subject(
        log,
        *(sys.executable, '-m', 'nova_ext.cmd.channel'),
        *('--config-file', str(config)),
    )


def relay(folder: pathlib.Path, local: pathlib.Path) -> Subject:
    """Start the bare relay in Python."""
    log = local.with_suffix('.log').open('w')
    module = 'tests.perf.channel.relay'
    return Subject(log, sys.executable, '-m', module, str(folder), str(local))


def compiled(folder: pathlib.Path) -> pathlib.Path | None:
    """Make the bare relay in C; None where there is no compiler."""
    compiler = shutil.which('cc')
    if compiler is None:
        return None
    program = folder / 'relay'
    subprocess.run(
        [compiler, '-O2', '-o', str(program), str(_RELAY)],
        check=True,
        timeout=60,
    )
    return program


def bare(
    program: pathlib.Path, folder: pathlib.Path, local: pathlib.Path
) -> Subject:
    """Start the bare relay in C.

    :param program: from `compiled`.
    """
    log = local.with_suffix('.log').open('w')
    bound = local_protocol.bound_packet('any').decode()
    return Subject(log, str(program), str(folder), str(local), bound)


def use_the_other_core() -> None:
    """Move the caller off the subject's core, with files for many guests."""
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
