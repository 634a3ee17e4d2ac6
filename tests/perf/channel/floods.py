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
"""A quiet guest beside one that does its worst.

A flood begins once and is then stopped and let go on, because what a guest may
say at once when it begins lasts for seconds.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import fcntl
import multiprocessing
import os
import random
import signal
import socket
import sys
import termios
import time

from nova_ext.wire import framing
from nova_ext.wire import header
from tests.perf.channel import ends

#: Mean seconds between two round trips of the quiet guest.
PACE = 0.001
#: Seconds before each that are not slept: to wake up may take as long.
_AWAKE = 0.0002
#: Packets that a program floods a guest with, for one that never reads.
_TO_GUEST = 3000
#: Seconds until a program has bound its address, and until the burst that a
#: guest may begin with is over, or the small one that a pause allows.
_BOUND, _PAST, _AGAIN = 0.3, 2.0, 0.1
#: Seconds in which the daemon passes on what it has read, at most a turn's
#: bytes, of a flood that is stopped; and until it has read all.
_PASSED_ON, _READ_ALL = 0.2, 10.0
#: Bytes, twice as many for the kernel, that wait for the daemon: more than it
#: reads in a turn, and not so many that it goes on for seconds.
_WAITING = 16384

_fork = multiprocessing.get_context('fork')


def _line(payload: str, address: str = 'nobody') -> bytes:
    return framing.guest_line(header.serial(payload, address, 'x'))


#: Name and what the guest writes for ever.
LINES: dict[str, bytes] = {
    'to a program that reads': _line('"%s"' % ('x' * 60), 'cgcs.sink'),
    'to one that does not': _line('"%s"' % ('x' * 60), 'cgcs.stuck'),
    "to the quiet guest's": _line('"%s"' % ('x' * 60), ends.ADDRESS),
    'long ones to that': _line('"%s"' % ('x' * 2900), ends.ADDRESS),
    'no line feed': b'x' * 65536,
    'half a line': b'{"data":{"version":2,"msg_typ',
    'invalid UTF-8': b'{"data":"\xff\xfe"}\n' * 10,
    'control characters': b'\x1b[2J\x07\r\x00' * 20 + b'\n',
    'deep nesting': b'[' * 8000 + b']' * 8000 + b'\n',
    'huge numbers': _line('[%s]' % ','.join(['1' * 4000] * 3)),
    'many values': _line('[%s1]' % ('{},1,' * 3000)),
    'dear numbers': _line('["\x01"%s]' % (',5e-324' * 2200)),
    'short junk': b'x\n',
    'many escapes': _line('"%s"' % ('\\n' * 7500)),
}


def quiet(host: ends.Host, seconds: float) -> list[float]:
    """Return the seconds of round trips of the first guest.

    They begin at random times, whatever became of the one before, and count
    from then on. This end and the daemon are first of all on the machine, so
    that only the flood counts, not the load of others.
    """
    with _first_of_all(0), _first_of_all(host.subject.pid):
        return _round_trips(host, seconds)


def _round_trips(host: ends.Host, seconds: float) -> list[float]:
    guest, program = host.guests[0], host.program
    packet = program.message(guest.instance, 150)
    answer = guest.message(150)
    mark = b'"source_instance":"%s"' % guest.instance.encode()
    pauses = random.Random(1)
    found = []
    due = time.perf_counter()
    end = due + seconds
    while due < end:
        due += pauses.expovariate(1 / PACE)
        time.sleep(max(due - time.perf_counter() - _AWAKE, 0))
        while time.perf_counter() < due:
            pass
        program.socket.send(packet)
        while not guest.socket.recv(ends.READ).endswith(b'}\n'):
            pass
        guest.socket.sendall(answer)
        while mark not in program.socket.recv(ends.READ):
            pass
        found.append(time.perf_counter() - due)
    return found


@contextlib.contextmanager
def _first_of_all(pid: int) -> Iterator[None]:
    """Give a process real-time priority; 0 is the caller.

    :raises PermissionError: it takes root, or CAP_SYS_NICE.
    """
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


class Flood:
    """A process that floods the daemon, until it is paused.

    :param sock: a guest's socket that it writes to.
    """

    def __init__(self, pid: int, sock: socket.socket | None) -> None:
        self._pid = pid
        self._socket = sock

    def go_on(self) -> None:
        """Flood, and return when that is nothing new to the daemon."""
        os.kill(self._pid, signal.SIGCONT)
        time.sleep(_AGAIN)

    def pause(self) -> None:
        """Stop, and return when the daemon has nothing left to do."""
        os.kill(self._pid, signal.SIGSTOP)
        deadline = time.monotonic() + _READ_ALL
        while self._waiting() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(_PASSED_ON)

    def _waiting(self) -> int:
        """Return what is written and not read, as the kernel counts it."""
        if self._socket is None:
            return 0
        answer = fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(answer, sys.byteorder)


@contextlib.contextmanager
def flooding(host: ends.Host, name: str) -> Iterator[Flood]:
    """Let the second guest write a line of ``LINES`` for ever."""
    sock = host.guests[1].socket
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WAITING)
    stuck = ends.Program(host.local, 'cgcs.stuck')
    with (
        contextlib.closing(stuck),
        _process(_BOUND, _drain, host.local),
        _process(_PAST, _write, sock, LINES[name]) as pid,
    ):
        yield Flood(pid, sock)


@contextlib.contextmanager
def deaf(host: ends.Host) -> Iterator[Flood]:
    """Let a program write for ever to the second guest, which never reads."""
    name = host.guests[1].instance
    with _process(_PAST, _write_to_guest, host.local, name) as pid:
        yield Flood(pid, None)


@contextlib.contextmanager
def _process(
    settled: float, target: Callable[..., None], *arguments: object
) -> Iterator[int]:
    """Run a function in a process, and give its number.

    :param settled: seconds that it gets first.
    """
    process = _fork.Process(target=target, args=arguments)
    process.start()
    try:
        time.sleep(settled)
        yield process.pid or 0
    finally:
        process.kill()
        process.join(10)


def _write(sock: socket.socket, line: bytes) -> None:
    sock.settimeout(None)
    chunk = line * max(16384 // len(line), 1)
    while True:
        sock.sendall(chunk)


def _drain(path: object) -> None:
    program = ends.Program(path, 'cgcs.sink')  # type: ignore[arg-type]
    program.socket.settimeout(None)
    while program.socket.recv(ends.READ):
        pass


def _write_to_guest(path: object, instance: str) -> None:
    program = ends.Program(path, 'cgcs.loud')  # type: ignore[arg-type]
    program.socket.settimeout(None)
    packet = program.message(instance, 3000)
    while True:
        program.socket.send(packet)
        time.sleep(1 / _TO_GUEST)
