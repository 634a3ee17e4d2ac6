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
import contextlib
import json
import re

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_ext.wire import header
from nova_ext.wire.jsonc import BadMessage
from tests.unit import captures

MALFORMED = captures.load('wire_malformed.yaml')
GROUP = 'cgcs.server_grp'


@pytest.mark.parametrize('case', MALFORMED, ids=lambda case: case['name'])
def test_a_malformed_line_is_named(case: dict[str, str]) -> None:
    with pytest.raises(BadMessage, match=re.escape(case['said'])):
        message = header.parse_serial(captures.line_of(case['line']))
        header.to_host_program(message.payload, 'a', 'b')


@pytest.mark.parametrize('direction', [captures.TO_HOST, captures.TO_GUEST])
def test_every_captured_message_is_written_again_byte_for_byte(
    direction: str,
) -> None:
    for line in captures.lines(direction):
        if b'"version":"2","dest_addr"' in line or b'{"vers' == line[-6:]:
            continue
        assert header.serial(*header.parse_serial(line)) == line


def test_the_daemon_delivers_the_captured_datagrams() -> None:
    """Every datagram that host_agent gave to the compute service."""
    made = {
        header.to_host_program(*header.parse_serial(line)[::2], instance)
        for (_, instance), chunks in captures.reads('to_host').items()
        for line in b''.join(chunks).split(b'\n')
        if line.endswith(b'}')
    }
    wanted = captures.datagrams('to_program')
    assert len(wanted) > 10
    # The original lost one that the captured fragment had spoilt (71).
    assert set(wanted) <= made


def test_the_daemon_writes_what_host_agent_wrote() -> None:
    """Every datagram of the compute service, also in Python's spelling."""
    lines = set(captures.lines('to_guest'))
    wanted = captures.datagrams('from_program')
    assert len(wanted) > 20
    for datagram in wanted:
        message = header.parse_host_program(datagram)
        line = header.serial(message.payload, message.dest_addr, GROUP)
        assert line in lines


def test_the_guest_agent_delivers_what_the_original_delivered() -> None:
    line = captures.lines('to_guest', 'E2')[0]
    message = header.parse_serial(line)
    datagram = header.to_guest_program(message.payload, message.source_addr)
    assert datagram == (
        b'{"data":{"version":2,"msg_type":"nack","orig_msg_type":"bogus",'
        b'"log_msg":"bad type"},"version":2,"source_addr":"cgcs.server_grp"}'
    )


def test_keys_may_come_in_any_order_and_with_blanks() -> None:
    message = header.parse_serial(
        b' { "source_addr" : "b/c", "dest_addr" : "a", "version" : "2", '
        b'"data" : { "x" : "/" } } trailing'
    )
    assert message == ('{"x":"\\/"}', 'a', 'b/c')
    assert b'"source_addr":"b\\/c"' in header.serial(*message)


@pytest.mark.parametrize(
    ('value', 'good'),
    [
        (2, True),
        ('2', True),
        (' 2', True),
        (2.0, True),
        (1, False),
        ('3', False),
        (None, False),
        (True, False),
        ([2], False),
    ],
)
def test_versions_as_the_original_reads_them(
    value: object, good: bool
) -> None:
    with (
        contextlib.nullcontext()
        if good
        else pytest.raises(BadMessage, match='version is not 2')
    ):
        header.check_version({'version': value})


@pytest.mark.parametrize(
    'payload',
    [
        '{},"source_instance":"victim"',
        '{}},"source_instance":"victim"',
        '1,"version":2,"dest_addr":"x","source_addr":"y"},{"data":1',
    ],
)
def test_a_payload_cannot_put_keys_into_the_envelope(payload: str) -> None:
    """A cut payload is exactly one JSON value."""
    line = b'{"data":%s,"version":2,"dest_addr":"a","source_addr":"b"}'
    try:
        message = header.parse_serial(line % payload.encode())
    except BadMessage:
        return
    packet = header.to_host_program(message.payload, 'b', 'instance-1')
    pairs = json.loads(packet, object_pairs_hook=list)
    assert [key for key, _ in pairs] == [
        'data',
        'version',
        'source_addr',
        'source_instance',
    ]
    assert pairs[3] == ('source_instance', 'instance-1')


@given(
    st.text(alphabet='{}[]":,\\ dataversion2_r/\n\té', max_size=60),
    st.sampled_from(
        ['%s', '{"data":%s,"version":2,"dest_addr":"a","source_addr":"b"}']
    ),
)
def test_a_parsed_payload_is_one_value(text: str, frame: str) -> None:
    try:
        message = header.parse_serial((frame % text).encode())
    except BadMessage:
        return
    json.loads(message.payload)
    assert '\n' not in message.payload


def test_line_breaks_of_a_program_do_not_break_the_frame() -> None:
    packet = (
        b'{"version":2,"dest_instance":"i","dest_addr":"a","data":{"x":\n1}}'
    )
    message = header.parse_host_program(packet)
    assert message == ('{"x":1}', 'i', 'a')


@pytest.mark.parametrize(
    ('packet', 'said'),
    [
        (b'{"version":2,"dest_addr":"a","data":1}', 'dest_instance is'),
        (
            b'{"version":2,"dest_instance":"../x","dest_addr":"a","data":1}',
            'dest_instance is missing or no instance name',
        ),
        (b'{"version":2,"dest_instance":"i","data":1}', 'dest_addr is'),
        (b'{"version":1,"dest_instance":"i","dest_addr":"a"}', 'version'),
        (b'{"version":2,"dest_instance":"i","dest_addr":"a"}', 'data is'),
        (b'\xff', 'not UTF-8'),
    ],
)
def test_a_malformed_packet_is_named(packet: bytes, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        header.parse_host_program(packet)


def test_what_a_program_sends_is_read_as_such() -> None:
    data = {'text': 'a/é\n', 'list': [1, 2]}
    message = header.parse_host_program(
        header.from_host_program('instance-1', 'cgcs.scale', data)
    )
    assert json.loads(message.payload) == data
    assert message[1:] == ('instance-1', 'cgcs.scale')
    message = header.parse_guest_program(
        header.from_guest_program(data, 'scale-1')
    )
    assert json.loads(message.payload) == data
    assert message.dest_addr == 'scale-1'


def test_what_is_delivered_is_read_as_such() -> None:
    assert header.parse_delivered(
        header.to_host_program('[1]', 'cgcs.scale', 'instance-1')
    ) == ([1], 'cgcs.scale', 'instance-1')
    assert header.parse_delivered(
        header.to_guest_program('[1]', 'scale-1')
    ) == ([1], 'scale-1', None)
