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
"""Mistakes are told all at once, and by name."""

import pytest

from nova_ext.harness import mistakes


def test_difference() -> None:
    assert mistakes.difference({'a': '1', 'b': '2'}, {'a': '1', 'b': '3'}) == (
        'b = 3 instead of 2'
    )


def test_all_are_raised_together() -> None:
    with pytest.raises(mistakes.PluginMistake) as raised:
        mistakes.raise_all(int, ['one', 'two'])
    assert str(raised.value) == 'builtins.int:\n- one\n- two'
    mistakes.raise_all(int, [])
