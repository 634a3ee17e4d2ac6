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
import pytest

from nova_ext.guest import spaced
from nova_ext.wire.jsonc import BadMessage


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        ({}, '{ }'),
        ([], '[ ]'),
        ({'a': 1}, '{ "a": 1 }'),
        ({'a': 1, 'b/c': None}, '{ "a": 1, "b\\/c": null }'),
        ([1, [2, {}]], '[ 1, [ 2, { } ] ]'),
        ({'a': {'b': ['é', True]}}, '{ "a": { "b": [ "é", true ] } }'),
        ('a "b"\n', '"a \\"b\\"\\n"'),
    ],
)
def test_blanks_are_where_json_c_puts_them(value, text: str) -> None:
    assert spaced.dumps(value) == text


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(BadMessage):
        spaced.dumps({'a': [float('nan')]})
