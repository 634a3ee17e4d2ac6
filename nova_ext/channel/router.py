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

from collections.abc import Callable
from typing import Protocol

from oslo_log import log as logging

from nova_ext.channel import delivery
from nova_ext.channel import limits as limits_module
from nova_ext.channel import splice
from nova_ext.channel import tally
from nova_ext.wire import addresses
from nova_ext.wire import quoting
from nova_ext.wire.jsonc import BadMessage

LOG = logging.getLogger(__name__)

#: What the log says where the reason for a drop is not the sender's mistake.
_SAID = {
    tally.TOO_LONG: 'longer than a line or a packet may be',
    tally.NO_PROGRAM: 'nobody has the address',
    tally.NOT_ASKED: 'the address is for the answer of another guest',
    tally.PROGRAM_FULL: 'the program does not read',
    tally.PROGRAM_GONE: 'the program is gone',
    tally.NO_GUEST: 'no such guest',
    tally.GUEST_FULL: 'the guest does not read',
}


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
    splicer: splice.FromGuest
    tally: tally.Tally

    def send(self, line: bytes) -> str | None:
        """Send or queue a line; return why it was dropped, or None."""


class Program(Sender, Protocol):
    """A program of this host, as the router sees it.

    :ivar asked: the instances to which it has sent scale requests, which may
        answer it; None when every guest may send to its address.
    """

    address: str
    splicer: splice.FromProgram
    asked: set[str] | None

    def send(self, sender: str, packet: bytes) -> str | None:
        """Send or queue an instance's packet; return why it was dropped."""


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
    :param seek: called with the name of a guest that is not in the table;
        may put it there.
    :ivar programs: those that have bound an address here, by it; to be changed
        by `bind` and `unbind` only.
    :ivar rest: what concerns no guest of the table, or one that is gone.
    """

    def __init__(
        self,
        limits: limits_module.Limits,
        others: Programs | None = None,
        seek: Callable[[str], None] = lambda instance: None,
    ) -> None:
        self._limits = limits
        self._seek = seek
        self._others = others or NoPrograms()
        self.programs: dict[str, Program] = {}
        self.guests: dict[str, Guest] = {}
        self.rest = tally.Tally()

    @property
    def addresses(self) -> list[str]:
        """The addresses that programs have bound here."""
        return sorted(self.programs)

    def totals(self) -> tally.Tally:
        """Return all counts since the start."""
        found = tally.Tally()
        found.add(self.rest)
        for guest in self.guests.values():
            found.add(guest.tally)
        return found

    def bind(self, address: str, program: Program) -> bool:
        """Give the address to a program; false when another one has it."""
        return self.programs.setdefault(address, program) is program

    def unbind(self, address: str, program: Program) -> None:
        """Free the address, if this program has it."""
        if self.programs.get(address) is program:
            del self.programs[address]

    def remove(self, guest: Guest) -> None:
        """Forget a guest but not what it has done."""
        del self.guests[guest.instance]
        self.rest.add(guest.tally)

    def from_guest(self, guest: Guest, lines: list[bytes]) -> None:
        """Pass a guest's lines on to the programs that they name."""
        instance, flow = guest.instance, guest.tally.to_program
        splice_, programs = guest.splicer.packet, self.programs
        for line in lines:
            try:
                address, packet = splice_(line)
            except BadMessage as error:
                self._tell(guest, str(error), line)
                flow.drop(tally.MALFORMED)
                continue
            program = programs.get(address) or self._others.find(address)
            failure: str | None
            if program is None:
                failure = tally.NO_PROGRAM
            elif program.asked is not None and instance not in program.asked:
                failure = tally.NOT_ASKED
            elif len(packet) > delivery.LONGEST:
                failure = tally.TOO_LONG
            else:
                failure = program.send(instance, packet)
            if failure is None:
                flow.messages += 1
                flow.bytes += len(packet)
            else:
                self._tell(guest, _SAID[failure], line)
                flow.drop(failure)

    def from_program(self, program: Program, packet: bytes) -> None:
        """Pass a program's packet on to the guest that it names."""
        try:
            instance, line = program.splicer.line(packet)
        except BadMessage as error:
            self._tell(program, str(error), packet)
            self.rest.to_guest.drop(tally.MALFORMED)
            return
        guest = self.guests.get(instance) or self._look_for(instance)
        flow = self.rest.to_guest if guest is None else guest.tally.to_guest
        failure: str | None
        if guest is None:
            failure = tally.NO_GUEST
        elif len(line) > self._limits.line_bytes:
            failure = tally.TOO_LONG
        else:
            if program.asked is not None:
                program.asked.add(instance)
            failure = guest.send(line)
        if failure is None:
            flow.messages += 1
            flow.bytes += len(line)
        else:
            self._tell(program, _SAID[failure], packet)
            flow.drop(failure)

    def _look_for(self, instance: str) -> Guest | None:
        self._seek(instance)
        return self.guests.get(instance)

    @staticmethod
    def _tell(sender: Sender, reason: str, text: bytes) -> None:
        if log := sender.gate.admit_to(LOG):
            log.warning(
                'Dropped a message from %(sender)s: %(reason)s: %(text)s',
                {
                    'sender': sender.name,
                    'reason': reason,
                    'text': quoting.shown(text),
                },
            )


def asked_by(address: str) -> set[str] | None:
    """Return where a program notes whom it asked: nobody, or None.

    An address for one scale request is for the guest that was asked.
    """
    return set() if address.startswith(addresses.SCALE_PREFIX) else None
