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
import json

from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_ext.channel import splice
from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire.jsonc import BadMessage
from tests.unit import captures

INSTANCE = 'instance-0000000a'


def packet_of(line: bytes) -> tuple[str, bytes]:
    """Return what reading key by key gives."""
    message = header.parse_serial(line)
    return message.dest_addr, header.to_host_program(
        message.payload, message.source_addr, INSTANCE
    )


def line_of(packet: bytes) -> tuple[str, bytes]:
    message = header.parse_host_program(packet)
    line = header.serial(message.payload, message.dest_addr, 'cgcs.x')
    return message.dest_instance, framing.host_line(line)


def test_captured_lines_come_out_the_same_again_and_again() -> None:
    made = splice.FromGuest(INSTANCE, 31)
    lines = [
        line
        for line in captures.lines(captures.TO_HOST)
        if line.endswith(b'}')
    ]
    assert lines
    for line in lines * 2:
        assert made.packet(line) == packet_of(line)


def test_captured_packets_come_out_the_same_again_and_again() -> None:
    made = splice.FromProgram('cgcs.x')
    packets = captures.datagrams('from_program')
    assert packets
    for packet in list(packets) * 2:
        assert made.line(packet) == line_of(packet)


LINE = '{"data":%s,"version":2,"dest_addr":"a","source_addr":"b"}'
PACKET = '{"version":2,"dest_instance":"i","dest_addr":"a","data":%s}'
PAYLOADS = [
    '1',
    '"text"',
    '{"a":"\u00e9\u20ac"}',
    '{"a":"%s"}' % ('\u00e9' * 2000),
    '{"a":"%s","b":[{}]}' % ('x' * 4000),
    '{"a":"\\/"}',
    '{"a":"/"}',
    ' {"a": 1}',
    '{"a":1},"source_instance":"victim"',
    '{"a":1}},"source_instance":"victim"',
    '{"a":"%s"},"dest_instance":"%s"' % ('x' * 2000, 'y' * 2000),
    '{"a":1',
    '',
    'NaN',
    '[' * 40 + ']' * 40,
]


@pytest.mark.parametrize('payload', PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize('known', [False, True])
def test_the_quick_way_is_the_slow_way(payload: str, known: bool) -> None:
    from_guest, from_program = (
        splice.FromGuest(INSTANCE, 31),
        splice.FromProgram('cgcs.x'),
    )
    if known:
        from_guest.packet((LINE % '1').encode())
        from_program.line((PACKET % '1').encode())
    check(from_guest.packet, packet_of, (LINE % payload).encode())
    check(from_program.line, line_of, (PACKET % payload).encode())


def test_what_is_known_makes_no_message_of_a_part_of_one() -> None:
    from_guest = splice.FromGuest(INSTANCE, 31)
    line = (LINE % '{}').encode()
    from_guest.packet(line)
    for start in range(1, len(line)):
        check(from_guest.packet, packet_of, line[start:])
    from_program = splice.FromProgram('cgcs.x')
    packet = (PACKET % '{}').encode()
    from_program.line(packet)
    for end in range(len(packet)):
        for last in (b'', b']', b'x'):
            check(from_program.line, line_of, packet[:end] + last)


def check(quick, slow, message: bytes) -> None:
    try:
        wanted = slow(message)
    except BadMessage as error:
        with pytest.raises(BadMessage, match=str(error)):
            quick(message)
        return
    assert quick(message) == wanted


@given(
    st.lists(
        st.text(alphabet='{}[]":,\\ data1/\n\u00e9', max_size=40), max_size=4
    ),
    st.integers(0, 2000),
)
def test_no_payload_ever_changes_the_envelope(
    texts: list[str], filling: int
) -> None:
    from_guest = splice.FromGuest(INSTANCE, 31)
    from_program = splice.FromProgram('cgcs.x')
    for text in ['1', *texts]:
        text = text.replace('d', 'd' * filling)
        check(from_guest.packet, packet_of, (LINE % text).encode())
        check(from_program.line, line_of, (PACKET % text).encode())


def text_in(message: bytes, text: bytes) -> bytes:
    """Return the message with another text in its payload."""
    return message.replace(b'TEXT', text)


SHAPED = (LINE % '{"a":1,"b":"TEXT","c":{"d":"e"}}').encode()
SHAPED_PACKET = (PACKET % '{"a":1,"b":"TEXT","c":{"d":"e"}}').encode()


@given(st.lists(st.binary(max_size=40) | st.text(max_size=40), max_size=4))
# What ends the text elsewhere, and what is no text.
@example(['\\'])
@example(['\\x'])
@example(['"'])
@example([b'\xff'])
# What would make two lines of one.
@example(['\n'])
@example(['{}\n{}'])
def test_any_text_in_a_shape_that_is_known_is_read_alike(found) -> None:
    from_guest = splice.FromGuest(INSTANCE, 31)
    from_program = splice.FromProgram('cgcs.x')
    # The first makes the envelope known, the second the shape.
    for text in [b'TEXT', b'TEXT', *found]:
        raw = text if isinstance(text, bytes) else text.encode('utf-8')
        check_alike(from_program.line, line_of, text_in(SHAPED_PACKET, raw))
        # A guest's line has none.
        raw = raw.replace(b'\n', b'')
        check_alike(from_guest.packet, packet_of, text_in(SHAPED, raw))


def check_alike(quick, slow, message: bytes) -> None:
    """Compare the bytes or, with control characters, what they say."""
    if jsonc.escaped(message) == message:
        check(quick, slow, message)
        return
    try:
        wanted = slow(message)
    except BadMessage:
        with pytest.raises(BadMessage):
            quick(message)
        return
    to, made = quick(message)
    assert to == wanted[0]
    assert made.count(b'\n') == wanted[1].count(b'\n')
    assert json.loads(jsonc.escaped(made)) == json.loads(wanted[1])


def test_a_message_in_a_known_shape_is_not_parsed(monkeypatch) -> None:
    from_guest = splice.FromGuest(INSTANCE, 31)
    from_program = splice.FromProgram('cgcs.x')
    for _ in range(2):
        from_guest.packet(SHAPED)
        from_program.line(SHAPED_PACKET)
    line, packet = (
        text_in(made, b'another') for made in (SHAPED, SHAPED_PACKET)
    )
    wanted = packet_of(line), line_of(packet)
    monkeypatch.delattr(splice.jsonc, 'end_of_value')
    assert (from_guest.packet(line), from_program.line(packet)) == wanted


@pytest.mark.parametrize(
    'payload',
    ['{"a":"%s","b":"text"}' % ('x' * 2000), '[%s]' % ','.join(['""'] * 40)],
    ids=['a large one', 'many texts'],
)
def test_the_address_never_is_the_text_that_changes(payload: str) -> None:
    from_guest = splice.FromGuest(INSTANCE, 31)
    for text in (payload, '"t"', '1'):
        for name in ('a' * 90, 'b' * 90, 'c'):
            line = header.serial(text, name, 'source')
            assert from_guest.packet(line) == packet_of(line)


def test_what_is_remembered_of_a_shape_is_bounded() -> None:
    shape = splice.Shape()
    for payload in (
        '[%s]' % ','.join(['""'] * 40),
        '["a",%s1]' % ('1,' * 900),
    ):
        line = (LINE % payload).encode()
        for _ in range(40):
            assert not shape.learn(line, 0, 8, 8 + len(payload))


def test_bytes_after_the_message_are_ignored() -> None:
    made = splice.FromGuest(INSTANCE, 31)
    line = (LINE % '{"a":1}').encode()
    wanted = made.packet(line)
    for junk in (b' ', b'}', b',"source_instance":"victim"}', b'x' * 600):
        for _ in range(2):
            assert made.packet(line + junk) == wanted


def test_what_is_remembered_is_bounded() -> None:
    from_guest = splice.FromGuest(INSTANCE, 31)
    from_program = splice.FromProgram('cgcs.x')
    for number in range(5000):
        name = 'n%d' % number
        line = header.serial('1', name, 's')
        assert from_guest.packet(line)[0] == name
        packet = header.from_host_program(name, 'a', json.loads('1'))
        assert from_program.line(packet)[0] == name
    assert len(from_guest._known) <= 16
    assert len(from_program._known) <= 4096
