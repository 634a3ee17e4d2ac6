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
"""The host's side against what the original guests said and understood."""

import json
import time
from typing import Any

import pytest

from nova_ext.wire import addresses
from nova_ext.wire import framing
from nova_ext.wire import messages
from tests.unit import captures
from tests.unit import polling
from tests.unit.channel import fakes

EXCHANGES = list(captures.exchanges())
INSTANCE = 'instance-0000000a'


def soon() -> float:
    return time.monotonic() + 10


@pytest.mark.parametrize('size', [1, 2, 3, 7, 64, 150, 187, 16384])
def test_captured_exchanges_with_an_original_guest(
    start, qemu, program, size: int
) -> None:
    """The guest gets the captured request; its answer is understood, in
    reads of any size."""
    guest = qemu()
    start(turn_bytes=size)
    asker = program('scale-0000000a')
    for item in EXCHANGES:
        sent = json.loads(item['request'])
        asker.send(INSTANCE, addresses.SCALE_AGENT, sent['data'])
        assert guest.line() == item['request']
        guest.send(framing.guest_line(item['answered']))
        received = asker.receive(soon())
        assert received.instance == INSTANCE
        assert received.source_addr == addresses.SCALE_AGENT
        check(item, received.data)


def check(item: dict[str, Any], data: object) -> None:
    direction = json.loads(item['request'])['data']['direction']
    answer = messages.parse_response(data, direction)
    if isinstance(item['host'], int):
        assert (answer.cpu, answer.reason) == (item['host'], None)
    else:
        assert (answer.cpu, answer.reason) == (None, item['host'])


def test_the_original_guests_three_writes_are_one_message(
    start, qemu, program
) -> None:
    guest = qemu()
    start()
    receiver = program('cgcs.x')
    for number in range(3):
        guest.send(b'\n')
        guest.send(
            b'{"data":%d,"version":2,"dest_addr":"cgcs.x","source_addr":"s"}'
            % number
        )
        guest.send(b'\n')
        assert receiver.receive(soon()).data == number


def test_every_captured_read_of_a_guest_reaches_its_program(
    start, qemu, program
) -> None:
    """E1 too: the original lost seq 71 behind a fragment."""
    guests = {name: qemu(name) for name in (INSTANCE, 'instance-0000000b')}
    server = start()
    group = program('cgcs.server_grp')
    for (_, name), chunks in captures.reads('to_host').items():
        for chunk in chunks:
            guests[name].send(chunk)
    wanted = [
        line
        for line in captures.lines('to_host')
        if line.endswith(b'}') and b'"dest_addr":"cgcs.server_grp"' in line
    ]
    got = [group.receive(soon()) for _ in wanted]
    assert 71 in [item.data.get('seq') for item in got]
    # The two fragments of E1 and E1b, and the answers to scale requests
    # that no program of this test has made.
    answers = captures.lines('to_host')
    others = [line for line in answers if b'"dest_addr":"scale-' in line]
    expected = {
        'to_program': len(wanted),
        'dropped: malformed': 2,
        'dropped: no_program': len(others),
    }
    polling.until(lambda: fakes.counts(server) == expected)


def test_the_guests_original_never_sees_a_hint_it_does_not_know(
    start, qemu, program
) -> None:
    guest = qemu()
    start()
    asker = program('scale-0000000a')
    asker.send(
        INSTANCE, 'cgcs.scale', messages.down_request(9000, offline_cpu=2)
    )
    plain = next(e for e in EXCHANGES if e['section'] == 'T4')['request']
    head, tail = plain.split(b'"direction":"down"')
    assert guest.line() == (
        head + b'"direction":"down","offline_cpu":2' + tail
    )


def test_the_fake_qemu_is_one_instance(qemu) -> None:
    assert qemu().instance == fakes.INSTANCE == INSTANCE
