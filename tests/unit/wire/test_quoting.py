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

from nova_ext.wire import quoting


@given(st.one_of(st.text(), st.binary(), st.binary().map(bytearray)))
def test_foreign_text_comes_out_printable_and_short(value: object) -> None:
    text = quoting.shown(value)
    assert text.isascii()
    assert text.isprintable()
    # A character takes at most ten, as \U0010ffff.
    assert len(text) <= 10 * quoting.LIMIT + 6


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        ('a\nb', "'a\\nb'"),
        (b'\x1b[2J', "b'\\x1b[2J'"),
        (bytearray(b'\xff'), "b'\\xff'"),
        ('x' * 65, "'%s'..." % ('x' * 64)),
        (None, "'None'"),
    ],
)
def test_how_it_looks(value: object, text: str) -> None:
    assert quoting.shown(value) == text
