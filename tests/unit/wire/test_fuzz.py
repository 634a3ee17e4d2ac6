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
"""What the fuzzer has found, again, and inputs that are close to it.

`tests/fuzz/run.py` is the fuzzer; this is bounded in inputs and in time.
"""

import time

import pytest

from tests.fuzz import seeds
from tests.fuzz import target

#: Changed inputs, and the seconds after which no more of them are tried.
INPUTS = 30000
SECONDS = 30


def test_every_input_of_the_corpus_does_no_harm() -> None:
    inputs = seeds.corpus()
    assert len(inputs) > 50
    for item in inputs:
        target.check(item)


def test_every_input_to_begin_with_does_no_harm() -> None:
    for item in seeds.first():
        target.check(item)


def test_inputs_close_to_the_corpus_do_no_harm() -> None:
    inputs = seeds.corpus()
    until = time.monotonic() + SECONDS
    for number, item in enumerate(seeds.mutated(inputs, seed=2)):
        try:
            target.check(item)
        except Exception as error:
            raise AssertionError('The input is %r' % item) from error
        if number == INPUTS or time.monotonic() > until:
            return


@pytest.mark.parametrize(
    'broken',
    [lambda reader, chunk: [chunk], lambda reader, chunk: []],
    ids=['lines are not split', 'lines are lost'],
)
def test_the_target_notices_harm(broken, monkeypatch) -> None:
    monkeypatch.setattr(target.framing.LineReader, 'feed', broken)
    with pytest.raises(AssertionError):
        target.check(b'\0{"a":1}\n{"b":2}\nx')


@pytest.mark.parametrize(
    'mark, text',
    [('_QUOTE', b'"'), ('_REVERSE', b'\\q'), ('_LF', b'\n')],
    ids=['quotation mark', 'escape', 'line feed'],
)
def test_the_target_notices_what_the_quick_way_lets_pass(
    mark: str, text: bytes, monkeypatch
) -> None:
    stream = b'\0' + b''.join(map(seeds.usual, (b'first', b'second', text)))
    target.check(stream)
    monkeypatch.setattr(target.lane, mark, 1)
    with pytest.raises(AssertionError):
        target.check(stream)


def test_the_target_notices_a_line_that_becomes_two(monkeypatch) -> None:
    stream = (
        b'\0{"version":2,"dest_instance":"i","dest_addr":"a",'
        b'"data":{"a":"text"}}\n'
    )
    target.check(stream)
    monkeypatch.setattr(target.splice, '_LF', 1)
    with pytest.raises(AssertionError):
        target.check(stream)


def test_the_target_notices_text_that_would_harm_a_log() -> None:
    for text in ('a\nb', 'é', '\x1b[2J', 'x' * 400):
        with pytest.raises(AssertionError):
            target.harmless(text)
