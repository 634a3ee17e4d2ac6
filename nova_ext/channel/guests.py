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
"""The daemon's end of one guest's serial port.

Reading is fair: a guest gets so many bytes and messages a turn, and one that
spends more than its budget is not read until that allows it again; its bytes
then wait in the guest. What it does not read waits in its outbox.

A guest that is gone leaves what it had said before: so much as the kernel
keeps of one connection. That is read to its end, in turns but without rests.

The loop calls the guest's `lane.Lane`, which takes the usual messages and
leaves everything else to what is here.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import errno
import socket
import time

from oslo_log import log as logging

from nova_ext.channel import lane
from nova_ext.channel import limits as limits_module
from nova_ext.channel import loop as loop_module
from nova_ext.channel import outbox
from nova_ext.channel import router
from nova_ext.channel import splice
from nova_ext.channel import tally
from nova_ext.wire import framing

LOG = logging.getLogger(__name__)

#: Seconds before the first new attempt to connect; doubled each time.
FIRST_RETRY = 0.1
#: Seconds that a guest pays at most for a message and for each byte of it.
#: What a turn takes beyond that is the load of others. The dearest that were
#: found took 7.5 us for a line of one byte, and 220 ns a byte for thousands of
#: numbers such as 5e-324 that have to be printed anew.
_MESSAGE = 2e-5
_BYTE = 3e-7


class Guest:
    """The connection to one guest, made anew whenever it ends.

    :param instance: the instance's name, from its socket's file name.
    :param path: the socket on which QEMU listens.
    :param deliver: called with the lines of each turn of the guest.
    :param removed: called when the socket is gone and no connection is left.
    :param programs: those that the usual messages are for, by address.
    """

    def __init__(
        self,
        instance: str,
        path: str,
        loop: loop_module.Loop,
        limits: limits_module.Limits,
        deliver: Callable[['Guest', list[bytes]], None],
        removed: Callable[['Guest'], None],
        programs: Mapping[str, router.Program],
    ) -> None:
        self.instance = instance
        self.gate = limits_module.LogGate()
        self.splicer = splice.FromGuest(instance, limits.nesting)
        self.tally = tally.Tally()
        self._path = path
        self._loop = loop
        self._limits = limits
        # A read is never longer than a line may be; the lane relies on it.
        self._turn_bytes = min(limits.turn_bytes, limits.line_bytes)
        self._turn_messages = limits.turn_messages
        self._deliver = deliver
        self._removed = removed
        self._programs = programs
        self._lane: lane.Lane | None = None
        self._socket: socket.socket | None = None
        self._events = 0
        self._reader = framing.LineReader(limits.line_bytes)
        self._lines: list[bytes] = []
        self._resting = False
        self._asleep = False
        self._ending = False
        self._budget = limits_module.Budget(
            limits.message_rate, limits.byte_rate, limits.time_share
        )
        self._outbox = outbox.Outbox(limits, self.tally.to_guest)
        self._retry = FIRST_RETRY
        self._waiting = False
        self._complaint: str | None = None
        self._exists = True
        self._closed = False

    @property
    def name(self) -> str:
        """What the log calls the guest."""
        return self.instance

    @property
    def connected(self) -> bool:
        """Whether QEMU has the connection; the guest may still not listen."""
        return self._sink is not None

    @property
    def queued(self) -> int:
        """Bytes that wait to be written to the guest."""
        return self._outbox.size

    # -- the connection ----------------------------------------------------

    def connect(self) -> None:
        """Connect now, and again with growing pauses while that fails."""
        if self._closed or self._socket is not None:
            return
        try:
            self._socket, self._lane = self._open()
        except OSError as error:
            self._retry_later(error)
            return
        LOG.info('Connected to the guest of %s', self.instance)
        self._retry = FIRST_RETRY
        self._complaint = None
        self._flush()

    def _open(self) -> tuple[socket.socket, lane.Lane]:
        """Return a connection that the loop watches.

        :raises OSError: QEMU does not listen, or this host is short of files,
            memory or watches.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.connect(self._path)
            reader = lane.Lane(
                self,
                self.instance,
                sock.recv,
                self._turn_bytes,
                self._turn_messages,
                self._programs,
                self.tally.to_program,
            )
            self._events = loop_module.READ
            self._loop.watch(sock.fileno(), self._events, reader)
        except BaseException:
            sock.close()
            raise
        return sock, reader

    def file_appeared(self) -> None:
        """Note that the socket's file is there, maybe a new one."""
        self._exists = True
        if self._socket is None:
            self._retry = FIRST_RETRY
            self.connect()

    def file_vanished(self) -> None:
        """Note that the socket's file is gone: no new connection."""
        self._exists = False
        if self._socket is None:
            self.close()

    def close(self) -> None:
        """End the connection for good."""
        self._disconnect()
        self._closed = True
        self._outbox.clear()
        self._removed(self)

    def _retry_later(self, error: OSError) -> None:
        # Python's own errors, such as a path too long, have no number.
        reason = error.strerror or str(error)
        # libvirt gives a socket its owner a moment after QEMU has made it.
        early = error.errno == errno.EACCES and self._retry == FIRST_RETRY
        if not early and reason != self._complaint:
            # Normal while QEMU starts, and for the file of a dead one.
            normal = error.errno in (errno.ECONNREFUSED, errno.EAGAIN)
            LOG.log(
                logging.INFO if normal else logging.WARNING,
                'Cannot connect to %s: %s; trying again at intervals',
                self._path,
                reason,
            )
            self._complaint = reason
        self._connect_later(self._retry)
        self._retry = min(self._retry * 2, self._limits.reconnect_interval)

    def _connect_later(self, delay: float) -> None:
        if not self._waiting:
            self._waiting = True
            self._loop.call_later(delay, self._try_again)

    def _try_again(self) -> None:
        self._waiting = False
        try:
            self.connect()
        except Exception:
            self._connect_later(self._retry)
            raise

    def _disconnect(self) -> None:
        if self._socket is None:
            return
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        self._socket = self._lane = None
        self._reader = framing.LineReader(self._limits.line_bytes)
        self.tally.to_program.drop(tally.GUEST_GONE, len(self._lines))
        self._lines = []
        self._resting = self._asleep = False
        if not self._ending:
            self._outbox.clear()
        self._ending = False

    def _end(self) -> None:
        """Write no more, and go on to the end of what can be read."""
        if self._ending or self._socket is None:
            return
        self._ending = True
        self._outbox.clear()
        # Whatever the trouble was, now what can be read has an end.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._watch()
        self._loop.call_soon(self._wake)

    def _lost(self) -> None:
        LOG.info('The guest of %s is disconnected', self.instance)
        self._disconnect()
        if self._exists:
            self._connect_later(FIRST_RETRY)
        else:
            self.close()

    def on_failure(self) -> None:
        """Start afresh after an error of our own."""
        if self._socket is not None:
            self._lost()

    # -- from the guest ----------------------------------------------------

    def on_ready(self, events: int) -> None:
        """Read or write what can be, at most one turn's worth."""
        if events & loop_module.BROKEN:
            self._end()
        if events & loop_module.WRITE:
            self._flush()
        sock = self._socket
        # While it rests it is called for a hang-up only.
        if sock is None or self._resting or not events & loop_module.READ:
            return
        try:
            chunk = sock.recv(self._turn_bytes)
        except BlockingIOError:
            return
        except OSError:
            chunk = b''
        self.received(chunk)

    def received(self, chunk: bytes) -> None:
        """Take what was read; nothing is the end of the connection."""
        if not chunk:
            self._lost()
            return
        self._work(self._reader.feed(chunk), len(chunk))
        if self._lane is not None:
            whole = self._reader.between_lines
            self._lane.usual = self.splicer.usual if whole else splice.UNKNOWN

    def deliver(self, line: bytes) -> None:
        """Route a line, count it, and tell if it is dropped."""
        self._deliver(self, [line])

    def spend(self, messages: int, size: int, seconds: float) -> None:
        """Charge messages, bytes and time, and rest if that is needed."""
        rest = self._budget.spend(messages, size, seconds)
        if rest > 0:
            self._pause(rest)

    def _work(self, lines: list[bytes], size: int) -> None:
        """Deliver a turn's worth of lines, then rest if needed."""
        most = self._turn_messages
        if len(lines) > most:
            self._lines = lines[most:]
            lines = lines[:most]
        begun = time.monotonic()
        self._deliver(self, lines)
        spent = time.monotonic() - begun
        # Mostly it is not: then their lengths need not be added up.
        if spent > (dearest := len(lines) * _MESSAGE):
            dearest += sum(map(len, lines)) * _BYTE
            spent = min(spent, dearest)
        if self._reader.oversized:
            self._note_oversized()
        rest = self._budget.spend(len(lines), size, spent)
        if rest > 0 or self._lines:
            self._pause(rest)

    def _pause(self, seconds: float) -> None:
        """Do not read for a while, and let the other guests have a turn."""
        self._resting = True
        self._watch()
        if seconds > 0 and not self._ending:
            self.tally.rests += 1
            self._asleep = True
            self._loop.call_later(seconds, self._wake)
        else:
            self._loop.call_soon(self._go_on)

    def _wake(self) -> None:
        if self._asleep:
            self._asleep = False
            self._go_on()

    def _go_on(self) -> None:
        self._resting = False
        if self._socket is None:
            return
        lines, self._lines = self._lines, []
        if lines:
            try:
                self._work(lines, 0)
            except Exception:
                self.on_failure()
                raise
        self._watch()

    def _note_oversized(self) -> None:
        count, self._reader.oversized = self._reader.oversized, 0
        self.tally.to_program.drop(tally.TOO_LONG, count)
        if log := self.gate.admit_to(LOG):
            log.warning(
                'Dropped a line of more than %d bytes from %s',
                self._limits.line_bytes,
                self.instance,
            )

    # -- to the guest ------------------------------------------------------

    def send(self, line: bytes) -> str | None:
        """Send or queue a line; return why it was dropped, or None."""
        try:
            taken = self._outbox.send(self._sink, line)
        except OSError:
            self._end()
            return None
        if self._outbox.size:
            self._watch()
        return None if taken else tally.GUEST_FULL

    @property
    def _sink(self) -> socket.socket | None:
        """Where can be written: not where only the end is read."""
        return None if self._ending else self._socket

    def _flush(self) -> None:
        if self._sink is None:
            return
        try:
            self._outbox.flush(self._sink)
        except OSError:
            self._end()
            return
        self._watch()

    def _watch(self) -> None:
        if self._socket is None:
            return
        events = 0 if self._resting else loop_module.READ
        if self._outbox.size and not self._ending:
            events |= loop_module.WRITE
        if events != self._events:
            self._events = events
            self._loop.change(self._socket.fileno(), events)
