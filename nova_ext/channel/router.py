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
"""Who gets a message, and who may send it.

A guest is known by the socket on which its bytes arrive, a program by the
address that it has bound; nothing that a message says about its sender counts.
"""

import collections
from collections.abc import Callable
from typing import Protocol

from oslo_log import log as logging

from nova_ext.channel import limits as limits_module
from nova_ext.wire import addresses
from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import quoting
from nova_ext.wire.jsonc import BadMessage

LOG = logging.getLogger(__name__)


class Sender(Protocol):
    """Who sent a message.

    :ivar name: what the log calls it.
    """

    gate: limits_module.LogGate

    @property
    def name(self) -> str: ...


class Guest(Sender, Protocol):
    """A guest, as the router sees it."""

    instance: str

    def send(self, line: bytes) -> str | None:
        """Send or queue a line; return why it was dropped, or None."""


class Program(Sender, Protocol):
    """A program of this host, as the router sees it.

    :ivar asked: the instances to which it has sent scale requests.
    """

    address: str
    asked: set[str]

    def send(self, packet: bytes) -> str | None:
        """Send or queue a packet; return why it was dropped, or None."""


class Programs(Protocol):
    """Where programs are found that have not bound an address here."""

    def find(self, address: str) -> Program | None:
        """Return the program, or None."""


class NoPrograms:
    """There are no others."""

    def find(self, address: str) -> Program | None:
        """Return None."""
        return None


class Router:
    """The tables of guests and programs, and the way between them.

    :param others: where programs are found that have not bound here.
    :param seek: called when a guest is not in the table; may put it there.
    :ivar counts: messages by outcome, such as ``to_program`` or
        ``dropped: malformed``.
    """

    def __init__(
        self,
        limits: limits_module.Limits,
        others: Programs | None = None,
        seek: Callable[[], None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._seek = seek
        self._others = others or NoPrograms()
        self.guests: dict[str, Guest] = {}
        self._programs: dict[str, Program] = {}
        self.counts: collections.Counter[str] = collections.Counter()

    def bind(self, address: str, program: Program) -> bool:
        """Give the address to a program; false when another one has it."""
        return self._programs.setdefault(address, program) is program

    def unbind(self, address: str, program: Program) -> None:
        """Free the address, if this program has it."""
        if self._programs.get(address) is program:
            del self._programs[address]

    def from_guest(self, guest: Guest, line: bytes) -> None:
        """Pass a guest's line on to the program that it names."""
        try:
            message = header.parse_serial(line, self._limits.nesting)
            packet = header.to_host_program(
                message.payload, message.source_addr, guest.instance
            )
        except BadMessage as error:
            self._drop(guest, 'malformed', str(error), line)
            return
        program = self._find(message.dest_addr)
        if program is None:
            self._drop(guest, 'no program', 'nobody has the address', line)
        elif not _may_reach(guest, program):
            self._drop(guest, 'not asked', 'it was not asked', line)
        else:
            failure = program.send(packet)
            if failure is None:
                self.counts['to_program'] += 1
            else:
                self._drop(guest, 'program full', failure, line)

    def from_program(self, program: Program, packet: bytes) -> None:
        """Pass a program's packet on to the guest that it names."""
        try:
            message = header.parse_host_program(packet)
            line = framing.host_line(
                header.serial(
                    message.payload, message.dest_addr, program.address
                )
            )
        except BadMessage as error:
            self._drop(program, 'malformed', str(error), packet)
            return
        guest = self._guest(message.dest_instance)
        if guest is None:
            self._drop(program, 'no guest', 'no such guest', packet)
            return
        if len(line) > self._limits.line_bytes:
            self._drop(program, 'too long', 'longer than a line', packet)
            return
        if _is_private(program):
            program.asked.add(guest.instance)
        failure = guest.send(line)
        if failure is None:
            self.counts['to_guest'] += 1
        else:
            self._drop(program, 'guest full', failure, packet)

    def _guest(self, instance: str) -> Guest | None:
        if instance not in self.guests:
            self._seek()
        return self.guests.get(instance)

    def _find(self, address: str) -> Program | None:
        return self._programs.get(address) or self._others.find(address)

    def _drop(
        self, sender: Sender, kind: str, reason: str, text: bytes
    ) -> None:
        self.counts['dropped: ' + kind] += 1
        held_back = sender.gate.admit()
        if held_back is None:
            return
        LOG.warning(
            'Dropped a message from %(sender)s: %(reason)s: %(text)s '
            '(%(more)d before it not logged)',
            {
                'sender': sender.name,
                'reason': reason,
                'text': quoting.shown(text),
                'more': held_back,
            },
        )


def _may_reach(guest: Guest, program: Program) -> bool:
    return not _is_private(program) or guest.instance in program.asked


def _is_private(program: Program) -> bool:
    """An address for one scale request is for the guest that was asked."""
    return program.address.startswith(addresses.SCALE_PREFIX)
