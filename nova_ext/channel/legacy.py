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
"""The abstract datagram socket of the original host agent.

For host tools that were written for it: they bind an abstract name and send
their datagrams to ``cgcs.messaging``. The kernel vouches for the sender's
user with every datagram. It cannot vouch for a receiver: any process in this
network namespace can bind a free name. Messages of guests therefore only go
to names from which an admitted user has sent something, and to names that an
option lists.
"""

import collections
from collections.abc import Callable
from collections.abc import Iterable
import errno
import socket

from oslo_log import log as logging

from nova_ext.channel import admission as admission_module
from nova_ext.channel import delivery
from nova_ext.channel import limits as limits_module
from nova_ext.channel import local
from nova_ext.channel import loop as loop_module
from nova_ext.channel import router as router_module
from nova_ext.channel import splice
from nova_ext.channel import tally
from nova_ext.wire import addresses
from nova_ext.wire import jsonc

LOG = logging.getLogger(__name__)

#: Longest datagram that the original programs exchange, in bytes.
_LONGEST = 10000
_TURN = 16
#: Names that are remembered; the one unused for longest is forgotten first.
_KNOWN = 64
_ANCILLARY = socket.CMSG_SPACE(admission_module.CREDENTIALS.size)


class LegacyProgram:
    """A host tool with an abstract name, and a socket to send to it.

    A socket of its own, because datagrams that a program does not read are
    charged to the socket that sent them. It is connected, because only then
    the loop can say that the program has read some of its ten.

    :param lost: called with how many messages were lost in its queue.
    """

    def __init__(
        self,
        address: str,
        path: str,
        loop: loop_module.Loop,
        limits: limits_module.Limits,
        lost: Callable[[int], None],
    ) -> None:
        self.address = address
        self.asked = router_module.asked_by(address)
        self.gate = limits_module.LogGate()
        self.splicer = splice.FromProgram(address)
        self._path = path
        self._loop = loop
        self._limits = limits
        self._lost = lost
        self._socket: socket.socket | None = None
        self._delivery: delivery.Delivery | None = None

    @property
    def name(self) -> str:
        """What the log calls the program."""
        return self.address

    def send(self, sender: str, packet: bytes) -> str | None:
        """Send or queue an instance's packet; return why it was dropped."""
        packet = jsonc.escaped(packet)
        if len(packet) > delivery.LONGEST:
            return tally.TOO_LONG
        for _ in range(2):
            made = self._delivery or self._connect()
            if made is None:
                return tally.PROGRAM_GONE
            failure = made.add(sender, packet)
            # The tool may have ended and come back: then a second try helps.
            if self._delivery is made:
                return failure
        return tally.PROGRAM_GONE

    def _connect(self) -> delivery.Delivery | None:
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        except OSError:
            return None
        try:
            sock.setblocking(False)
            sock.connect(self._path)
            self._loop.watch(sock.fileno(), 0, self)
        except OSError:
            sock.close()
            return None
        self._socket = sock
        self._delivery = delivery.Delivery(
            sock,
            self._loop,
            self._limits.program_queue_messages,
            False,
            self._watch,
            lambda error: self.close(),
        )
        return self._delivery

    def _watch(self) -> None:
        if self._socket is not None and self._delivery is not None:
            events = loop_module.WRITE if self._delivery.blocked else 0
            self._loop.change(self._socket.fileno(), events)

    def on_ready(self, events: int) -> None:
        """Send what waits, or learn that the program is gone."""
        if events & loop_module.BROKEN:
            self.close()
        elif self._delivery is not None:
            self._delivery.drain()

    def on_failure(self) -> None:
        """Start afresh with the next message."""
        self.close()

    def close(self) -> None:
        """Free the socket; a later message makes a new one."""
        if self._socket is None or self._delivery is None:
            return
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        self._lost(self._delivery.waiting)
        self._socket = self._delivery = None


class LegacySocket:
    """Serves the host tools of the original system.

    :param listed: names that get messages before they have sent any.
    :param prefix: put before every abstract name; empty on a real host.
    :raises local.CannotServe: the original host agent runs.
    """

    def __init__(
        self,
        loop: loop_module.Loop,
        limits: limits_module.Limits,
        admission: admission_module.Admission,
        listed: Iterable[str],
        prefix: str = '',
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._admission = admission
        self._prefix = '\0' + prefix
        self._listed = set(listed)
        self._known: collections.OrderedDict[str, LegacyProgram] = (
            collections.OrderedDict()
        )
        self._gate = limits_module.LogGate()
        self.router: router_module.Router | None = None
        self._socket = _bound(self._prefix + addresses.AGENT)
        loop.watch(self._socket.fileno(), loop_module.READ, self)

    def find(self, address: str) -> LegacyProgram | None:
        """Return the tool of this name, if it may get messages."""
        if address in self._listed:
            return self._remember(address)
        return self._known.get(address)

    def on_ready(self, events: int) -> None:
        """Take a turn's worth of datagrams."""
        for _ in range(_TURN):
            try:
                datagram, ancillary, _, path = self._socket.recvmsg(
                    _LONGEST + 1, _ANCILLARY
                )
            except BlockingIOError:
                return
            uid = _uid(ancillary)
            address = self._address(path)
            if uid is None or not self._admission.admits(uid):
                self._refuse('user %s is not admitted' % uid)
            elif address is None:
                self._refuse('its sender has bound no abstract name')
            elif self.router is not None:
                self.router.from_program(self._remember(address), datagram)

    def on_failure(self) -> None:
        """Go on: the next datagram may be another."""

    def close(self) -> None:
        """Free all sockets."""
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        for program in self._known.values():
            program.close()

    def _remember(self, address: str) -> LegacyProgram:
        program = self._known.get(address)
        if program is None:
            program = LegacyProgram(
                address,
                self._prefix + address,
                self._loop,
                self._limits,
                self._count_lost,
            )
            self._known[address] = program
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)[1].close()
        self._known.move_to_end(address)
        return program

    def _count_lost(self, count: int) -> None:
        if self.router is not None:
            self.router.rest.to_program.drop(tally.PROGRAM_GONE, count)

    def _address(self, path: object) -> str | None:
        prefix = self._prefix.encode('ascii')
        if not isinstance(path, bytes) or not path.startswith(prefix):
            return None
        name = path[len(prefix) :].decode('ascii', 'replace')
        return name if addresses.is_address(name) else None

    def _refuse(self, reason: str) -> None:
        if log := self._gate.admit_to(LOG):
            log.warning('Dropped a datagram of a local program: %s', reason)


def _bound(path: str) -> socket.socket:
    """Return a datagram socket of this name that is told who sends.

    :raises local.CannotServe: the name is taken.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.bind(path)
    except OSError as error:
        sock.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise local.CannotServe(
            'The original host agent, or another program, serves the abstract '
            'socket %s: stop it, or set [nova_ext_channel]legacy_socket = '
            'False.' % path[1:]
        ) from error
    return sock


def _uid(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return int(admission_module.CREDENTIALS.unpack(content)[1])
    return None
