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
import time

from nova_ext.guest import mailbox


def request(source: str = 'scale-1', seconds: float = 60) -> mailbox.Request:
    return mailbox.Request(source, {}, time.monotonic() + seconds)


def test_a_request_is_handed_over_once() -> None:
    box = mailbox.Mailbox()
    first = request()
    box.put(first)
    assert box.take() is first
    assert first.void is None
    box.close()
    assert box.take() is None


def test_a_newer_request_makes_the_older_ones_void() -> None:
    box = mailbox.Mailbox()
    running, waiting, newest = request(), request(), request()
    box.put(running)
    assert box.take() is running
    box.put(waiting)
    assert running.void == 'the host has given it up'
    assert running.wake.is_set()
    box.put(newest)
    assert waiting.void == 'the host has given it up'
    assert box.take() is newest
    assert newest.void is None


def test_a_nack_takes_back_the_request_of_its_sender_only() -> None:
    box = mailbox.Mailbox()
    mine = request('scale-1')
    box.put(mine)
    box.cancel('scale-2')
    assert mine.void is None
    box.cancel('scale-1')
    assert mine.void == 'the host has given it up'
    assert box.take() is mine


def test_a_nack_reaches_a_request_that_is_being_worked_on() -> None:
    box = mailbox.Mailbox()
    mine = request('scale-1')
    box.put(mine)
    box.take()
    box.cancel('scale-1')
    assert mine.wake.is_set()


def test_a_nack_after_the_work_reaches_nothing() -> None:
    box = mailbox.Mailbox()
    box.put(request('scale-1'))
    box.take()
    box.close()
    assert box.take() is None
    box.cancel('scale-1')


def test_time_makes_a_request_void() -> None:
    assert request(seconds=0).void == 'its time is over'


def test_closing_ends_the_waiting() -> None:
    box = mailbox.Mailbox()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(box.take()))
    thread.start()
    box.close()
    thread.join(10)
    assert taken == [None]
