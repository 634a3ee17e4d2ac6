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
"""Captured guests with our service, and what the original programs in those
guests would print, beside what they printed of the original host's answers.
"""

import json
import re
from typing import Any

import pytest

from nova_ext.groups import contract
from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire import server_group
from tests.unit import captures
from tests.unit.groups import fakes
from tests.unit.wire import old_library

HOST = 'host1'
A, B = 'instance-0000000a', 'instance-0000000b'


class Program(old_library.OldGuest):
    """Whatever asked, with a ``seq`` of its own."""

    def _current(self, data: dict[str, Any]) -> bool:
        return True


class Host:
    """Our side of two guests, without processes in between.

    :ivar written: to the port of each guest.
    """

    def __init__(self) -> None:
        self.world = fakes.World(
            *(
                fakes.member('uuid-' + name, HOST, name=name)
                for name in (A, B)
            ),
            rate=1e9,
        )
        self.written = {A: b'', B: b''}

    def hear(self, name: str, stream: bytes) -> None:
        """Take what a guest wrote."""
        for line in framing.LineReader().feed(stream):
            for delivery in self._handle(name, line):
                self._deliver(delivery)

    def _handle(self, name: str, line: bytes) -> list[contract.Delivery]:
        try:
            message = header.parse_serial(line)
        except jsonc.BadMessage:
            return []
        if message.dest_addr != server_group.ADDRESS:
            return []
        packet = header.to_host_program(
            message.payload, message.source_addr, name
        )
        data = header.parse_delivered(packet).data
        try:
            found = server_group.parse_from_guest(data)
        except server_group.Refused as error:
            nack = server_group.nack(error.orig_msg_type, str(error))
            return [contract.Delivery((name,), nack)]
        service = self.world.service
        if isinstance(found, server_group.StatusQuery):
            return service.status_query(HOST, name, found.seq)
        return service.broadcast(HOST, name, found.text)

    def _deliver(self, delivery: contract.Delivery) -> None:
        for name in delivery.names:
            packet = header.from_host_program(
                name, server_group.ADDRESS, delivery.data
            )
            message = header.parse_host_program(packet)
            self.written[name] += framing.host_line(
                header.serial(
                    message.payload, message.dest_addr, server_group.ADDRESS
                )
            )


def reading(stream: bytes, size: int) -> Program:
    """A guest that has got this, in reads of this size."""
    guest = Program()
    for start in range(0, len(stream), size):
        guest.read(stream[start : start + size])
    return guest


def printed(guest: Program) -> list[str]:
    """What a program printed; of a status, the servers that it lists."""
    lines = []
    for line in filter(None, guest.printed.split('\n\n')):
        found = re.fullmatch(
            'got server group status response msg: (.*)', line
        )
        if found:
            servers = json.loads(found[1])
            line = 'status: %s' % [item['instance_id'] for item in servers]
        lines.append(line)
    return lines


def original(section: str, name: str) -> Program:
    """A guest with the original host."""
    guest = Program()
    for chunk in captures.reads('to_guest').get((section, name), []):
        guest.read(chunk)
    return guest


def said(section: str, name: str) -> bytes:
    return b''.join(captures.reads('to_host').get((section, name), []))


@pytest.mark.parametrize(
    'section', ['T0', 'T1', 'E1', 'E1b', 'E2', 'E3', 'E4']
)
def test_original_guests_print_the_same_with_our_host(section: str) -> None:
    """In reads of every size. Those of our host find the same lines in each:
    see tests/unit/wire/test_framing.py."""
    host = Host()
    for name in (A, B):
        host.hear(name, said(section, name))
    for name, stream in host.written.items():
        wanted = original(section, name)
        lines = sorted(printed(wanted))
        if section == 'E1':
            # The original host lost the query after a fragment (71).
            lines *= 2
        for size in range(1, len(stream) + 2):
            guest = reading(stream, size)
            assert sorted(printed(guest)) == lines, size
            if section == 'E2':
                # The reason has other words.
                assert len(guest.errors) == len(wanted.errors)


def test_what_the_original_cut_is_refused_and_its_sender_told() -> None:
    """E3: of 3050, 3900, 4000 and 9800 bytes the first two arrive."""
    host = Host()
    host.hear(B, said('E3', B))
    heard, told = (reading(host.written[name], 4096) for name in (A, B))
    assert heard.printed.count('broadcast msg') == 2
    assert [error.startswith('the message has') for error in told.errors] == [
        True,
        True,
    ]


def test_a_guest_without_a_group_is_answered_and_the_service_lives() -> None:
    """The original raised, and never said that it was done."""
    host = Host()
    host.world.membership.groups.clear()
    host.world.membership.servers.clear()
    host.hear(A, said('T0', A))
    assert printed(reading(host.written[A], 100)) == ['status: []']
