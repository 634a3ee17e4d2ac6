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

from nova_ext.channel import backlog


def test_the_guests_take_turns() -> None:
    made = backlog.Backlog(100)
    for number in range(3):
        made.add('a', b'a%d' % number)
    made.add('b', b'b0')
    made.add('c', b'c0')
    assert [made.take() for _ in range(5)] == [
        b'a0',
        b'b0',
        b'c0',
        b'a1',
        b'a2',
    ]
    with pytest.raises(KeyError):
        made.take()


def test_one_guest_leaves_half_to_the_others() -> None:
    made = backlog.Backlog(16)
    took = {
        sender: sum(made.add(sender, b'x') for _ in range(100))
        for sender in ('a', 'b', 'c', 'd', 'e')
    }
    assert took == {'a': 8, 'b': 4, 'c': 2, 'd': 1, 'e': 1}
    assert len(made) == 16
    assert not made.add('f', b'x')


def test_room_is_free_again_when_it_was_taken() -> None:
    made = backlog.Backlog(1)
    assert made.add('a', b'1')
    assert not made.add('a', b'2')
    made.take()
    assert made.add('a', b'3')
    assert made.take() == b'3'
    assert len(made) == 0
