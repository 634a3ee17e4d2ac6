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
from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_ext.wire import framing
from tests.unit import captures
from tests.unit.wire import old_reader

MAX = 40


def cut(stream: bytes, sizes: list[int]) -> list[bytes]:
    """Cut a stream into chunks of these sizes; the last one has the rest."""
    chunks = []
    for size in sizes:
        chunks.append(stream[:size])
        stream = stream[size:]
    return [*chunks, stream]


def feed(chunks: list[bytes], max_line: int = MAX) -> list[bytes]:
    reader = framing.LineReader(max_line)
    return [line for chunk in chunks for line in reader.feed(chunk)]


def plain_split(stream: bytes) -> list[bytes]:
    """What the reader must find, said without any state."""
    lines = stream.split(b'\n')[:-1]
    return [line for line in lines if line.strip() and len(line) <= MAX]


streams = st.lists(
    st.one_of(
        st.binary(max_size=2 * MAX),
        st.sampled_from([b'\n', b'\n\n', b'{"a":1}', b' \n', b'x' * MAX]),
    ),
    max_size=12,
).map(b''.join)


@given(stream=streams, sizes=st.lists(st.integers(0, 60), max_size=30))
def test_any_chunking_of_any_stream_finds_the_same_lines(
    stream: bytes, sizes: list[int]
) -> None:
    assert feed(cut(stream, sizes)) == plain_split(stream)


@given(junk=streams, sizes=st.lists(st.integers(0, 60), max_size=30))
def test_a_valid_line_after_a_line_feed_is_never_lost(
    junk: bytes, sizes: list[int]
) -> None:
    stream = junk + b'\n{"valid":1}\n'
    assert feed(cut(stream, sizes))[-1] == b'{"valid":1}'


@given(stream=streams, sizes=st.lists(st.integers(0, 60), max_size=30))
def test_memory_is_bounded_and_long_lines_are_counted(
    stream: bytes, sizes: list[int]
) -> None:
    reader = framing.LineReader(MAX)
    for chunk in cut(stream, sizes):
        reader.feed(chunk)
        assert reader.pending <= MAX
    long = [line for line in stream.split(b'\n') if len(line) > MAX]
    assert reader.oversized == len(long)


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert feed([b'x' * MAX + b'\n' + b'y' * (MAX + 1) + b'\nz\n']) == [
        b'x' * MAX,
        b'z',
    ]


@pytest.mark.parametrize('direction', [captures.TO_HOST, captures.TO_GUEST])
def test_every_capture_is_read_alike_in_chunks_of_every_size(
    direction: str,
) -> None:
    for chunks in captures.reads(direction).values():
        stream = b''.join(chunks)
        whole = feed([stream], 1 << 20)
        assert whole
        for size in range(1, len(stream) + 1):
            torn = [
                stream[start : start + size]
                for start in range(0, len(stream), size)
            ]
            assert feed(torn, 1 << 20) == whole


def test_a_megabyte_without_a_line_feed_is_not_kept() -> None:
    reader = framing.LineReader()
    for _ in range(1024):
        assert reader.feed(b'x' * 1024) == []
        assert reader.pending <= framing.MAX_LINE
    assert reader.feed(b'\n{}\n') == [b'{}']


def test_the_model_of_the_old_reader_shows_the_captured_flaw() -> None:
    """Section E1: 71 is lost, 72 arrives; E1b: 73 arrives."""
    reader = old_reader.OldReader()
    for chunk in captures.reads('to_host')['E1', 'instance-0000000a']:
        reader.read(chunk)
    assert [item['data']['seq'] for item in reader.delivered] == [72]
    reader = old_reader.OldReader()
    for chunk in captures.reads('to_host')['E1b', 'instance-0000000a']:
        reader.read(chunk)
    assert [item['data']['seq'] for item in reader.delivered] == [73]


def test_our_reader_loses_nothing_where_the_old_one_does() -> None:
    reader = framing.LineReader()
    chunks = captures.reads('to_host')['E1', 'instance-0000000a']
    found = [line for chunk in chunks for line in reader.feed(chunk)]
    assert [b'"seq":71' in line for line in found] == [False, True, False]
    assert b'"seq":72' in found[2]


@pytest.mark.parametrize(
    'fragment', [b'', b'{"a', b'{"a":tru', b'{"a":"b\\', b'[1,', b'}', b' ']
)
@pytest.mark.parametrize('line', [framing.host_line, framing.guest_line])
def test_resync_saves_the_first_message_for_an_old_reader(
    fragment: bytes, line
) -> None:
    reader = old_reader.OldReader()
    if fragment:
        reader.read(fragment)
    reader.read(framing.RESYNC + line(b'{"first":1}'))
    reader.read(line(b'{"second":2}'))
    assert reader.delivered == [{'first': 1}, {'second': 2}]


def test_a_leading_line_feed_alone_would_not_save_it() -> None:
    reader = old_reader.OldReader()
    reader.read(b'{"a')
    reader.read(framing.guest_line(b'{"first":1}'))
    assert reader.delivered == []


@pytest.mark.parametrize(
    'chunks, whole',
    [
        ([], True),
        ([b'a'], False),
        ([b'a\n'], True),
        ([b'a\nb'], False),
        ([b'x' * 20], False),
        ([b'x' * 20, b'\n'], True),
    ],
)
def test_it_knows_whether_it_is_between_lines(
    chunks: list[bytes], whole: bool
) -> None:
    reader = framing.LineReader(10)
    for chunk in chunks:
        reader.feed(chunk)
    assert reader.between_lines is whole
