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
import threading

from nova_ext.groups import relay_queue
from nova_ext.wire import server_group


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def text(number: int) -> server_group.Broadcast:
    return server_group.Broadcast('text %d' % number, '')


def taken(queue: relay_queue.RelayQueue) -> tuple[str, str]:
    found = queue.take()
    assert found is not None
    assert isinstance(found.message, server_group.Broadcast)
    return found.instance, found.message.text


def test_guests_have_their_turn_one_after_the_other() -> None:
    queue = relay_queue.RelayQueue(1000, 10)
    for number in range(3):
        queue.put('loud', text(number))
    queue.put('quiet', text(7))
    assert taken(queue) == ('loud', 'text 0')
    assert taken(queue) == ('quiet', 'text 7')


def test_a_guests_messages_keep_their_order() -> None:
    """The next one leaves when the last one is done with."""
    queue = relay_queue.RelayQueue(1000, 10)
    queue.put('a', text(1))
    queue.put('a', text(2))
    assert taken(queue) == ('a', 'text 1')
    queue.put('b', text(3))
    assert taken(queue) == ('b', 'text 3')
    queue.done('a')
    assert taken(queue) == ('a', 'text 2')


def test_a_guests_queue_is_bounded() -> None:
    queue = relay_queue.RelayQueue(1000, 2)
    assert queue.put('a', text(1))
    assert queue.put('a', text(2))
    assert not queue.put('a', text(3))
    assert queue.put('b', text(4))


def test_a_guest_that_sends_faster_than_it_may_waits() -> None:
    clock = Clock()
    queue = relay_queue.RelayQueue(2, 10, clock)
    queue.put('loud', text(0))
    for number in range(3):
        assert taken(queue) == ('loud', 'text %d' % number)
        queue.done('loud')
        queue.put('loud', text(number + 1))
    queue.put('quiet', text(9))
    assert taken(queue) == ('quiet', 'text 9')


def test_a_waiting_guest_goes_on_by_itself() -> None:
    queue = relay_queue.RelayQueue(20, 100)
    for number in range(30):
        queue.put('a', text(number))
    for number in range(30):
        assert taken(queue) == ('a', 'text %d' % number)
        queue.done('a')


def test_the_end() -> None:
    queue = relay_queue.RelayQueue(1, 1)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(queue.take()))
    thread.start()
    queue.close()
    thread.join(10)
    assert found == [None]


def test_quiet_guests_are_forgotten() -> None:
    clock = Clock()
    queue = relay_queue.RelayQueue(1, 10, clock)
    for number in range(50):
        queue.put('guest %d' % number, text(0))
        taken(queue)
        queue.done('guest %d' % number)
    clock.now += 100
    queue.put('new', text(0))
    taken(queue)
    assert len(queue._guests) <= 2
