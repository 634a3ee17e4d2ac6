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
"""Run one program of the application, for no longer than a request allows."""

import errno
import os
import signal
import subprocess
import threading
import time
from typing import IO
from typing import Callable
from typing import List
from typing import NamedTuple
from typing import Optional

#: ``status`` is the exit status, or minus the signal that ended the program;
#: ``output`` is what it printed, empty unless it was given an input.
Ended = NamedTuple('Ended', [('status', int), ('output', bytes)])

#: Longest output that is read: what a pipe holds. A program that prints more
#: waits for a reader that never comes, until its time is over.
MAX_OUTPUT = 65536


class Timeout(Exception):
    """The program did not finish in time and was killed."""


class Limit(object):
    """How long programs may run.

    :param until: `time.monotonic` seconds at which they are killed.
    :param void: tells whether they are to be killed at once.
    :param wake: set when ``void`` may have become true; used here to hear
        that a program has ended.
    """

    def __init__(
        self,
        until: float,
        void: Callable[[], object] = lambda: False,
        wake: Optional[threading.Event] = None,
    ) -> None:
        self.until = until
        self.void = void
        self.wake = wake or threading.Event()

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(self.until - time.monotonic(), 0.0)


def run(
    command: List[str], limit: Limit, given: Optional[bytes] = None
) -> Ended:
    """Run a program to its end, with everything that it starts.

    :param command: the path and the arguments; a script without interpreter
        line is run by the shell.
    :param given: what it finds on its standard input, less than a pipe holds.
        Without it the standard input is empty, and the output goes where ours
        goes.
    :raises Timeout: it was killed.
    :raises OSError: it cannot be started.
    """
    started = time.monotonic()
    process = _start(command, given is not None)
    try:
        if process.stdin is not None:
            _give(process.stdin, given or b'')
        if _wait(process, limit):
            return Ended(process.returncode, _output(process.stdout))
    finally:
        if process.stdout is not None:
            process.stdout.close()
    raise Timeout(
        '%s was stopped after %d ms'
        % (command[0], (time.monotonic() - started) * 1000)
    )


def _wait(process: 'subprocess.Popen[bytes]', limit: Limit) -> bool:
    """Tell whether the program ended by itself, and somebody wants to know.

    It is killed otherwise.
    """

    def wait() -> None:
        process.wait()
        limit.wake.set()

    # What was void before the event is cleared is seen here, and what
    # becomes void later sets it.
    limit.wake.clear()
    left = 0.0 if limit.void() else limit.left
    # Popen.wait with a timeout sleeps in steps of up to 50 ms, which a
    # scale request would have to pay.
    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    limit.wake.wait(left)
    ended = process.returncode is not None
    if not ended:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    waiter.join()
    return ended and not limit.void()


def _give(stream: IO[bytes], given: bytes) -> None:
    try:
        stream.write(given)
        stream.close()
    except BrokenPipeError:
        # It need not read.
        pass


def _output(stream: Optional[IO[bytes]]) -> bytes:
    if stream is None:
        return b''
    # Not until its end: a service that the program has started may hold it
    # open for ever.
    os.set_blocking(stream.fileno(), False)
    return stream.read(MAX_OUTPUT) or b''


def _start(command: List[str], piped: bool) -> 'subprocess.Popen[bytes]':
    try:
        return _start_directly(command, piped)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # Scripts without an interpreter line have always worked here.
    return _start_directly(['/bin/sh'] + command, piped)


def _start_directly(
    command: List[str], piped: bool
) -> 'subprocess.Popen[bytes]':
    # A session of its own, to be killed with all that the script has started.
    return subprocess.Popen(  # noqa: S603 the product's own hook
        command,
        stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
        stdout=subprocess.PIPE if piped else None,
        start_new_session=True,
        bufsize=0,
    )
