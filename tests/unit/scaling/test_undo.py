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
"""The undo of done steps: in reverse, and up to the first that fails."""

import logging

from nova_ext.scaling.undo import Undo


def recording(undo, done, names, broken=()):
    def action(name):
        if name in broken:
            raise RuntimeError('no ' + name)
        done.append(name)

    for name in names:
        undo.add(name, lambda name=name: action(name))


def test_the_last_step_is_undone_first():
    undo, done = Undo('a-server'), []
    recording(undo, done, 'abc')
    assert undo.unwind()
    assert done == ['c', 'b', 'a']


def test_it_ends_at_the_first_undo_that_fails(caplog):
    undo, done = Undo('a-server'), []
    recording(undo, done, 'abc', broken='b')
    with caplog.at_level(logging.ERROR):
        assert not undo.unwind()
    assert done == ['c']
    assert 'Server a-server: could not undo: b.' in caplog.text
    assert 'no b' in caplog.text


def test_nothing_is_undone_twice():
    undo, done = Undo('a-server'), []
    recording(undo, done, 'a')
    assert undo.unwind()
    assert undo.unwind()
    assert done == ['a']


def test_there_may_be_nothing_to_undo():
    assert Undo('a-server').unwind()
