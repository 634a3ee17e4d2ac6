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
"""A build counts as finished only for the value that was written last."""

import pathlib

from tests.lab import stamps


def test_boundaries_and_order_count() -> None:
    digests = {
        stamps.digest(['ab', 'c']),
        stamps.digest(['a', 'bc']),
        stamps.digest(['c', 'ab']),
        stamps.digest(['abc']),
    }
    assert len(digests) == 4
    assert stamps.digest(['a']) == stamps.digest([b'a'])


def test_stamp(tmp_path: pathlib.Path) -> None:
    stamp = tmp_path / 'complete'
    assert not stamps.holds(stamp, 'one')
    stamps.write(stamp, 'one')
    assert stamps.holds(stamp, 'one')
    stamps.write(stamp, 'two')
    assert not stamps.holds(stamp, 'one')
    assert [path.name for path in tmp_path.iterdir()] == ['complete']
