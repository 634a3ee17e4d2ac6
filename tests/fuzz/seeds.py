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
"""Where the fuzzer starts: what was captured, and what is known to be bad."""

from collections.abc import Iterator
import pathlib
import random

from tests.unit import captures

CORPUS = pathlib.Path(__file__).with_name('corpus')

#: Pieces that a message is made of; also the fuzzer's dictionary.
WORDS = (
    b'{"data":',
    b',"version":2,"dest_addr":"cgcs.server_grp"',
    b',"source_addr":"cgcs.server_grp"}',
    b'{"version":2,"dest_instance":"instance-1","dest_addr":"a","data":',
    b'"msg_type":"broadcast"',
    b'"msg_type":"status_query","seq":1',
    b'"result":"success","offline_cpu":2,"resource":"cpu"',
    b'"version":"2"',
    b'"direction":"down"',
    b'\\ud800',
    b'\\u0000',
    b'NaN',
    b'-1e999',
    b'[[[[[[[[',
    b'{"a":{"a":{"a":',
    b'\xff',
    b'\xed\xa0\x80',
    b'\n',
    b'\r',
    b'\x00',
    b'\x7f',
    b'"',
    b'\\',
    b'/',
)


def first() -> Iterator[bytes]:
    """Yield the inputs to begin with."""
    for direction in (captures.TO_HOST, captures.TO_GUEST):
        for chunks in captures.reads(direction).values():
            for size in (b'\0', b'\x07'):
                yield size + b''.join(chunks)[:4500]
    for datagram in captures.datagrams('from_program'):
        yield b'\0' + datagram[:4500] + b'\n'
    for case in captures.load('wire_malformed.yaml'):
        yield b'\0' + captures.line_of(case['line'])[:4500] + b'\n'
    for texts in ((b'third', b'', b'"'), (b'\\q',), (b'\xff',), (b'\n',)):
        yield b'\0' + b''.join(map(usual, (b'first', b'second', *texts)))


def usual(text: bytes) -> bytes:
    """Return a message that differs from others in one text."""
    return (
        b'\n{"data":{"a":"%s"},"version":2,"dest_addr":"b","source_addr":"c"}\n'
        % text
    )


def corpus() -> list[bytes]:
    """Return what the fuzzer has found, smallest first."""
    found = [path.read_bytes() for path in CORPUS.iterdir()]
    return sorted(found, key=lambda item: (len(item), item))


def mutated(inputs: list[bytes], seed: int) -> Iterator[bytes]:
    """Yield changed inputs for ever, the same ones for the same seed."""
    chance = random.Random(seed)
    while True:
        item = bytearray(chance.choice(inputs))
        for _ in range(chance.randint(1, 4)):
            place = chance.randint(0, len(item))
            end = place + chance.choice((0, 1, 1, 4, 16))
            item[place:end] = chance.choice(
                (
                    b'',
                    bytes([chance.randrange(256)]),
                    chance.choice(WORDS),
                    bytes(item[: chance.randint(0, len(item))]),
                )
            )
        yield bytes(item)
