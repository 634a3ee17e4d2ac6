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
import socket

import pytest

from nova_ext.guest import outbox
from nova_ext.guest import sockets


class Sender:
    """An outbox with the socket of an agent, and a clock of its own."""

    def __init__(self, space, monkeypatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(outbox.time, 'monotonic', lambda: self.now)
        self.socket = space.bind('agent')
        self.box = outbox.Outbox(space, self.socket)

    def fill(self, address: str, count: int, size: int = 100) -> list[str]:
        failures = []
        for number in range(count):
            text = (b'%d' % number).ljust(size)
            failure = self.box.send(text, address)
            if failure:
                failures.append(failure)
        return failures

    def wait(self) -> float:
        """Let the time pass until something is to be done; do it."""
        delay = self.box.delay
        assert delay is not None
        self.now += delay
        self.box.retry()
        return delay


@pytest.fixture
def sender(space, monkeypatch):
    made = Sender(space, monkeypatch)
    yield made
    made.socket.close()


def drain(program: socket.socket) -> list[int]:
    """Read all that is there."""
    found = []
    while True:
        try:
            found.append(int(program.recv(2000)))
        except BlockingIOError:
            return found


@pytest.mark.parametrize('connected', [False, True])
def test_a_program_gets_all_in_order_at_its_own_pace(
    sender, space, connected: bool
) -> None:
    """Also one that has connected its socket to the agent, for which only
    the sender's buffer is a limit."""
    with space.bind('slow') as program:
        if connected:
            program.connect(space.path('agent'))
        assert sender.fill('slow', 1000) == []
        got = drain(program)
        assert 1 < len(got) < 1000
        while sender.box.delay is not None:
            assert sender.wait() == pytest.approx(outbox.SOONEST)
            got += drain(program)
        assert got == list(range(1000))
        assert sender.fill('slow', 1) == []
        assert drain(program) == [0]


def test_one_that_does_not_read_is_tried_less_and_less(sender, space) -> None:
    with space.bind('stuck') as program:
        sender.fill('stuck', 50)
        waits = [sender.wait() for _ in range(12)]
        assert waits[:3] == pytest.approx([0.002, 0.004, 0.008])
        assert waits[-1] == pytest.approx(1.0)
        drain(program)
        sender.wait()
        assert sender.wait() == pytest.approx(outbox.SOONEST)


def test_before_the_time_nothing_is_tried(sender, space) -> None:
    with space.bind('slow') as program:
        sender.fill('slow', 50)
        drain(program)
        sender.box.retry()
        assert drain(program) == []


def test_what_waits_is_bounded(sender, space) -> None:
    with space.bind('slow') as slow, space.bind('other') as other:
        failures = sender.fill('slow', 400, 1000)
        assert set(failures) == {sockets.FULL}
        assert sender.fill('other', 1) == []
        assert drain(other) == [0]
        got = drain(slow)
        while sender.box.delay is not None:
            sender.wait()
            got += drain(slow)
        assert len(got) == 400 - len(failures)
        assert len(got) > outbox.MAX_WAITING // 1000
        assert sender.fill('slow', 5) == []


def test_a_program_that_ends_is_told_once(sender, space, caplog) -> None:
    program = space.bind('gone')
    sender.fill('gone', 50)
    program.close()
    sender.wait()
    assert "messages that waited for 'gone': Connection refused" in caplog.text
    assert sender.fill('gone', 1) == ['Connection refused']
    assert sender.box.delay is None


def test_a_program_that_comes_back_gets_what_waited(sender, space) -> None:
    program = space.bind('back')
    sender.fill('back', 50)
    program.close()
    got: list[int] = []
    with space.bind('back') as program:
        while sender.box.delay is not None:
            sender.wait()
            got += drain(program)
    assert got == list(range(got[0], 50))
