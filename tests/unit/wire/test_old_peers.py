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
"""What the original peers make of the bytes that we send.

The models of them are proved by what was captured of the originals.
"""

from typing import Any

import pytest

from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire import messages
from nova_ext.wire import server_group
from tests.unit import captures
from tests.unit.wire import old_library
from tests.unit.wire import old_reader

GROUP = server_group.ADDRESS

SERVER = {'instance_id': 'a/é', 'image_meta': {}, 'fixed': [1, None]}

#: One of each kind that a host sends, and one after the other.
FROM_HOST: list[tuple[dict[str, Any], str]] = [
    (server_group.forwarded('instance-0000000b', 'a/"é\n'), GROUP),
    (server_group.status_response(1, SERVER), GROUP),
    (server_group.status_response(1, SERVER), GROUP),
    (server_group.status_done(1), GROUP),
    (server_group.notification({'payload': SERVER}), GROUP),
    (server_group.nack('bogus', 'bad type'), GROUP),
    (messages.down_request(9000), 'cgcs.scale'),
    (messages.up_request(9000, 2, [0, 1]), 'cgcs.scale'),
    (messages.nack('too late'), 'cgcs.scale'),
]

#: One of each kind that a guest sends.
FROM_GUEST: list[tuple[dict[str, Any], str]] = [
    (server_group.broadcast('a/"é\n'), GROUP),
    (server_group.status_query(1), GROUP),
    (messages.done(messages.down_request(1), 2, [0, 1]), 'scale-1'),
    (messages.failed(messages.down_request(1), 'no\n'), 'scale-1'),
]


def torn(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def sent(said, line) -> bytes:
    lines = [
        line(header.serial(jsonc.dumps(data), address, address))
        for data, address in said
    ]
    return framing.RESYNC[:1] + b''.join(lines)


@pytest.mark.parametrize(
    ('said', 'line'),
    [(FROM_HOST, framing.host_line), (FROM_GUEST, framing.guest_line)],
    ids=['from the host', 'from the guest'],
)
def test_the_original_agents_read_it_in_chunks_of_every_size(
    said, line
) -> None:
    stream = sent(said, line)
    wanted = [data for data, _ in said]
    for size in range(1, len(stream) + 1):
        reader = old_reader.OldReader()
        for chunk in torn(stream, size):
            reader.read(chunk)
        assert [item['data'] for item in reader.delivered] == wanted, size


def test_the_original_program_prints_it() -> None:
    stream = sent(FROM_HOST, framing.host_line)
    for size in range(1, len(stream) + 1):
        guest = old_library.OldGuest()
        guest.query()
        for chunk in torn(stream, size):
            guest.read(chunk)
        server = (
            '{ "instance_id": "a\\/é", "image_meta": { }, '
            '"fixed": [ 1, null ] }'
        )
        assert guest.printed == (
            'got server group broadcast msg: len: 6, sinstance: '
            'instance-0000000b, msg: a/"é\n\n\n'
            f'got server group status response msg: [{server},{server}]\n\n'
            'got server group notification msg: '
            f'{{ "payload": {server} }}\n\n'
        )
        assert guest.errors == ['bad type']


def test_the_longest_broadcast_fits_the_original_buffer() -> None:
    for text in ('x' * 3050, 'é' * 1525, '\\' * 1900):
        server_group.broadcast(text)
        guest = old_library.OldGuest()
        data = server_group.forwarded('x' * 19, text)
        guest.read(sent([(data, GROUP)], framing.host_line))
        assert guest.printed.endswith('msg: %s\n\n' % text)


@pytest.mark.parametrize(
    'run',
    captures.load('captured_app_output.yaml'),
    ids=lambda run: run['instance'],
)
def test_the_model_of_the_original_guest_prints_what_was_captured(run) -> None:
    chunks = captures.reads('to_guest')[run['section'], run['instance']]
    stream = b''.join(chunks)
    for size in range(1, len(stream) + 1):
        guest = old_library.OldGuest()
        guest.query()
        for chunk in torn(stream, size):
            guest.read(chunk)
        assert guest.printed == run['output']


def test_the_model_loses_what_the_original_library_cannot_hold() -> None:
    """E3: 3900 passes."""
    guest = old_library.OldGuest()
    for chunk in captures.reads('to_guest')['E3', 'instance-0000000a']:
        guest.read(chunk)
    assert guest.printed.count('broadcast msg') == 2
    data = server_group.forwarded('i', 'x' * 4000)
    guest.read(sent([(data, GROUP)], framing.host_line))
    assert guest.printed.count('broadcast msg') == 2
    assert guest.errors[-1] == 'cannot parse'


def test_a_query_uses_the_numbers_of_the_original() -> None:
    """1, 3, 5, as `nova_ext.guest.server_group` does."""
    guest = old_library.OldGuest()
    for wanted in (1, 3, 5):
        seq = guest.query()
        assert seq == wanted
        answer = [(server_group.status_done(seq), GROUP)]
        guest.read(sent(answer, framing.host_line))
    assert guest.printed.count('msg: []') == 3
    assert guest.errors == []
