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
import contextlib
import os
import threading

import pytest

from nova_ext.channel import loop


class Reader:
    """Reads from a pipe; may fail, and may end another one first."""

    def __init__(self, made: loop.Loop, fail: bool = False) -> None:
        self.fd, self.end = os.pipe()
        self.got: list[bytes] = []
        self.failed = 0
        self._loop = made
        self._fail = fail
        self.forgets: Reader | None = None
        made.watch(self.fd, loop.READ, self)

    def on_ready(self, events: int) -> None:
        if self.forgets is not None:
            self._loop.forget(self.forgets.fd)
            self.forgets = None
        if self._fail:
            raise RuntimeError('expected by the test')
        self.got.append(os.read(self.fd, 100))

    def on_failure(self) -> None:
        self.failed += 1
        self._loop.forget(self.fd)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.end)


@pytest.fixture
def made():
    one = loop.Loop()
    yield one
    one.close()


@pytest.fixture
def reader(made):
    with contextlib.ExitStack() as stack:

        def make(fail: bool = False) -> Reader:
            one = Reader(made, fail)
            stack.callback(one.close)
            return one

        yield make


def test_a_ready_descriptor_is_served(made, reader) -> None:
    one = reader()
    os.write(one.end, b'x')
    made.call_later(0, made.stop)
    made.run()
    assert one.got == [b'x']


def test_timers_come_in_their_order(made) -> None:
    called: list[int] = []
    made.call_later(0.02, lambda: called.append(2))
    made.call_later(0.01, lambda: called.append(1))
    made.call_later(0.03, made.stop)
    made.call_soon(lambda: called.append(0))
    made.run()
    assert called == [0, 1, 2]


def test_a_fault_ends_one_handler_only(made, reader, caplog) -> None:
    bad, good = reader(fail=True), reader()
    os.write(bad.end, b'x')
    os.write(good.end, b'y')
    made.call_later(0.01, made.stop)
    made.run()
    assert bad.failed == 1
    assert good.got == [b'y']
    assert 'Serving a connection failed' in caplog.text


def test_a_fault_in_a_timer_ends_nothing(made, caplog) -> None:
    def fail() -> None:
        raise RuntimeError('expected by the test')

    made.call_soon(fail)
    made.call_later(0.01, made.stop)
    made.run()
    assert 'An action of the guest channel failed' in caplog.text


def test_a_faults_text_is_escaped_in_the_log(made, reader, caplog) -> None:
    """It may hold what a guest wrote."""

    def fail() -> None:
        raise ValueError('\x1b[2J\nforged line')

    made.call_soon(fail)
    made.call_later(0.01, made.stop)
    made.run()
    assert '\x1b' not in caplog.text
    assert '\nforged' not in caplog.text
    assert '\\x1b[2J\\nforged line' in caplog.text


def test_what_is_to_be_done_at_the_turns_end(made, reader) -> None:
    one = reader()
    seen: list[object] = []
    made.call_soon(lambda: made.at_turn_end(lambda: seen.append('end')))
    made.call_soon(lambda: seen.append('turn'))
    os.write(one.end, b'x')
    made.call_later(0.01, made.stop)
    made.run()
    assert seen == ['turn', 'end']


def test_a_handler_may_end_another_in_the_same_turn(made, reader) -> None:
    first, second = reader(), reader()
    first.forgets, second.forgets = second, first
    for one in (first, second):
        os.write(one.end, b'x')
    made.call_later(0.01, made.stop)
    made.run()
    assert sorted([first.got, second.got]) == [[], [b'x']]


def test_another_thread_can_end_it(made) -> None:
    thread = threading.Thread(target=made.run)
    thread.start()
    made.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_events_can_be_changed(made, reader) -> None:
    one = reader()
    made.change(one.fd, 0)
    os.write(one.end, b'x')
    made.call_later(0.01, lambda: made.change(one.fd, loop.READ))
    made.call_later(0.02, made.stop)
    made.run()
    assert one.got == [b'x']
