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
"""The application's say in scaling: ``app_scale_helper``.

Arguments and exit status are those of the original: ``--cpu_del`` picks a CPU
greater than 0, stops using it and exits with its number; ``--cpu_add CPU
LIST`` may start to use it, LIST being a JSON array without spaces.
"""

import errno
import logging
import os
import signal
import subprocess
import threading
import time
from typing import Iterable
from typing import List
from typing import Optional

LOG = logging.getLogger(__name__)

PATH = '/usr/sbin/app_scale_helper'

#: What a shell exits with when it does not find a program.
_NOT_FOUND = 127


class HelperTimeout(Exception):
    """The helper did not finish in time and was killed."""


class Helper(object):
    """Runs the helper, if there is one.

    :param path: the script.
    """

    def __init__(self, path: str = PATH) -> None:
        self._path = path

    def pick(self, until: float, wake: threading.Event) -> Optional[int]:
        """Return the CPU that the application gives up.

        None leaves the choice to the agent: there is no helper, it exited
        with 0, or it died.

        :param until: `time.monotonic` seconds at which it is killed.
        :param wake: set when nobody waits for the answer any more; set here
            when the helper has ended.
        :raises HelperTimeout: it was killed.
        """
        status = self._run(['--cpu_del'], until, wake)
        if status is None or status <= 0 or status == _NOT_FOUND:
            return None
        return status

    def added(
        self,
        cpu: int,
        online: Iterable[int],
        until: float,
        wake: threading.Event,
    ) -> None:
        """Tell the application that a CPU came online; it cannot refuse."""
        listed = '[%s]' % ','.join(map(str, online))
        try:
            status = self._run(['--cpu_add', str(cpu), listed], until, wake)
        except HelperTimeout as error:
            LOG.warning('%s; cpu %d is online all the same.', error, cpu)
            return
        if status:
            LOG.warning('%s ended with %d for --cpu_add.', self._path, status)

    def _run(
        self, args: List[str], until: float, wake: threading.Event
    ) -> Optional[int]:
        """Return the exit status; negative for a signal, None without run."""
        if not os.access(self._path, os.X_OK):
            return None
        started = time.monotonic()
        try:
            process = _start([self._path] + args)
        except OSError as error:
            LOG.warning('Cannot run %s: %s.', self._path, error)
            return None
        return self._wait(process, started, until, wake)

    def _wait(
        self,
        process: 'subprocess.Popen[bytes]',
        started: float,
        until: float,
        wake: threading.Event,
    ) -> int:
        def wait() -> None:
            process.wait()
            wake.set()

        # Popen.wait with a timeout sleeps in steps of up to 50 ms, which a
        # scale request would have to pay.
        waiter = threading.Thread(target=wait, daemon=True)
        waiter.start()
        wake.wait(max(until - time.monotonic(), 0))
        if process.returncode is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            waiter.join()
            raise HelperTimeout(
                '%s was stopped after %d ms'
                % (self._path, (time.monotonic() - started) * 1000)
            )
        waiter.join()
        return process.returncode


def _start(command: List[str]) -> 'subprocess.Popen[bytes]':
    try:
        return _start_directly(command)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # Scripts without an interpreter line have always worked here.
    return _start_directly(['/bin/sh'] + command)


def _start_directly(command: List[str]) -> 'subprocess.Popen[bytes]':
    # A session of its own, to be killed with all that the script has started.
    return subprocess.Popen(  # noqa: S603 the product's own hook
        command, stdin=subprocess.DEVNULL, start_new_session=True
    )
