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
"""What original guests said, read by the daemon in reads of every size."""

import time
from typing import Any

from nova_ext.channel import client
from nova_ext.channel import splice
from nova_ext.wire import framing
from nova_ext.wire import header
from tests.unit import captures
from tests.unit.channel import fakes

GROUP = 'cgcs.server_grp'


def stream(*without: str) -> bytes:
    """Return all that guests wrote, one after the other."""
    return b''.join(
        chunk
        for (section, _), chunks in captures.reads('to_host').items()
        if section not in without
        for chunk in chunks
    )


def sizes(of: bytes) -> range:
    """Return the sizes of reads, from a byte to more than a line."""
    return range(1, max(map(len, of.split(b'\n'))) + 3)


ALL = stream()
#: Without the long lines, for which the daemon would be started 4,000 times.
STREAM = stream('E3')


def test_every_message_is_passed_on_alike_in_reads_of_every_size() -> None:
    wanted = []
    for line in ALL.split(b'\n'):
        try:
            message = header.parse_serial(line)
        except header.BadMessage:
            continue
        packet = header.to_host_program(
            message.payload, message.source_addr, 'i'
        )
        wanted.append((message.dest_addr, packet))
    assert len(wanted) > 30
    for size in sizes(ALL):
        assert passed_on(size) == wanted, size


def passed_on(size: int) -> list[tuple[str, bytes]]:
    """Return the packets for programs, and whom they are for."""
    reader, splicer = framing.LineReader(), splice.FromGuest('i', 31)
    found = []
    for start in range(0, len(ALL), size):
        for line in reader.feed(ALL[start : start + size]):
            try:
                found.append(splicer.packet(line))
            except header.BadMessage:
                pass
    return found


def expected() -> list[Any]:
    """What a program of the host is to receive of the stream."""
    found = []
    for line in framing.LineReader().feed(STREAM):
        try:
            message = header.parse_serial(line)
        except header.BadMessage:
            continue
        if message.dest_addr == GROUP:
            packet = header.to_host_program(message.payload, GROUP, 'i')
            found.append(header.parse_delivered(packet).data)
    return found


def test_every_message_reaches_its_program_in_reads_of_every_size(
    folder,
) -> None:
    wanted = expected()
    assert len(wanted) > 10
    for size in sizes(STREAM):
        guest = fakes.FakeQemu(folder)
        try:
            assert received(folder, guest, size, len(wanted)) == wanted, size
        finally:
            guest.vanish()


def received(
    folder, guest: fakes.FakeQemu, size: int, count: int
) -> list[Any]:
    settings = fakes.settings(folder, turn_bytes=size)
    with fakes.running(settings):
        with client.LocalProgram(settings.local_socket, GROUP) as program:
            guest.send(STREAM)
            until = time.monotonic() + 20
            return [program.receive(until).data for _ in range(count)]
