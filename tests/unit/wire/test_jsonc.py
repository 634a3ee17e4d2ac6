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

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_ext.wire import jsonc

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 60), 1 << 60),
        st.text(st.characters(exclude_categories=['Cs'])),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(max_size=4), inner)
    ),
    max_leaves=10,
)


def test_text_is_printed_as_json_c_prints_it() -> None:
    text = jsonc.dumps({'z': 'a/b "q"\t\né\x1f', 'a': [1, None, True, {}]})
    assert text == ('{"z":"a\\/b \\"q\\"\\t\\né\\u001f","a":[1,null,true,{}]}')


@given(values)
def test_what_is_printed_reads_as_the_same(value: object) -> None:
    assert json.loads(jsonc.dumps(value)) == value


@pytest.mark.parametrize('value', [float('nan'), float('inf'), object(), {1}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(jsonc.BadMessage, match='the value is not JSON'):
        jsonc.dumps(value)


def test_bytes_after_the_object_are_ignored() -> None:
    assert jsonc.loads_object(' {"a":1}{"b":2} junk') == {'a': 1}


def test_raw_control_characters_are_taken_as_json_c_takes_them() -> None:
    assert jsonc.loads_object('{"a":"\t"}') == {'a': '\t'}
    assert jsonc.value_at('"\t"', 0) is None


def test_nesting_counts_brackets_outside_strings_only() -> None:
    line = b'{"a":"' + b'[' * 100 + b'\\"[","b":' + b'[' * 30 + b']' * 30
    assert jsonc.decode(line + b'}')
    with pytest.raises(jsonc.BadMessage, match='nested deeper than 31'):
        jsonc.decode(b'{"a":' + b'[' * 31 + b']' * 31 + b'}')


def test_siblings_are_not_nesting() -> None:
    assert jsonc.decode(b'[' + b'[],' * 500 + b'[]]')


def test_other_encodings_are_refused() -> None:
    with pytest.raises(jsonc.BadMessage, match='not UTF-8'):
        jsonc.decode(b'{"a":"\xe9"}')


@given(st.binary())
def test_no_bytes_raise_anything_else(line: bytes) -> None:
    try:
        jsonc.loads_object(jsonc.decode(line))
    except jsonc.BadMessage:
        pass
