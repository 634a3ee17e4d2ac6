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
    assert jsonc.end_of_value('"\t"', 0, 31) == -1


def nested(opening: str, depth: int) -> str:
    closing = {'[': ']', '{"k":': '}'}[opening]
    return opening * depth + '1' + closing * depth


@pytest.mark.parametrize('opening', ['[', '{"k":'])
@pytest.mark.parametrize('depth', [31, 32, 900, 20000])
def test_nesting_is_limited(opening: str, depth: int) -> None:
    """Also beyond what Python's own parser dares."""
    inner = nested(opening, depth - 1)
    if depth <= 31:
        assert jsonc.loads_object('{"a":%s}' % inner)
        assert jsonc.end_of_value(inner, 0, 31) == len(inner)
        return
    with pytest.raises(jsonc.BadMessage, match='nested deeper than 31'):
        jsonc.loads_object('{"a":%s}' % inner)
    with pytest.raises(jsonc.BadMessage, match='nested deeper than 31'):
        jsonc.end_of_value(inner, 0, 31)


def test_nesting_counts_no_brackets_inside_strings() -> None:
    text = '{"a":"' + '[{' * 100 + '\\"[","b":' + nested('[', 30) + '}'
    assert jsonc.loads_object(text)


def test_siblings_are_not_nesting() -> None:
    siblings = '[' + '[],{},' * 500 + '[]]'
    assert jsonc.end_of_value(siblings, 0, 3) == len(siblings)
    with pytest.raises(jsonc.BadMessage):
        jsonc.end_of_value(siblings, 0, 2)


@given(values, st.sampled_from(['', '}', ',"v":2}', '"""']))
def test_a_value_ends_where_its_text_ends(value: object, tail: str) -> None:
    text = jsonc.dumps({'a': value})
    assert jsonc.end_of_value(text + tail, 0, 31) == len(text)
    assert jsonc.end_of_value(text[:-1], 0, 31) == -1


def test_other_encodings_are_refused() -> None:
    with pytest.raises(jsonc.BadMessage, match='not UTF-8'):
        jsonc.decode(b'{"a":"\xe9"}')


@given(st.binary())
def test_no_bytes_raise_anything_else(line: bytes) -> None:
    try:
        jsonc.loads_object(jsonc.decode(line))
    except jsonc.BadMessage:
        pass


@given(st.text(max_size=30), st.text(max_size=30))
def test_control_characters_become_escapes(key: str, text: str) -> None:
    strict = json.dumps({key: [text, 1]}, ensure_ascii=False)
    message = strict
    for number in range(32):
        for escape in json.dumps(chr(number))[1:-1], '\\u%04x' % number:
            message = message.replace(escape, chr(number))
    found = jsonc.escaped(message.encode())
    if '\\' not in strict:
        assert found == message.encode()
    assert json.loads(found) == json.loads(message, strict=False)


def test_control_characters_between_texts_stay() -> None:
    message = b'{\t"a\t\x00":\r[1,"\\"\x1f"]}'
    assert jsonc.escaped(message) == (
        b'{\t"a\\u0009\\u0000":\r[1,"\\"\\u001f"]}'
    )
