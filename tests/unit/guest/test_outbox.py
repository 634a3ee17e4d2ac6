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
import select

import pytest

from nova_ext.guest import outbox


class Sender:
    """An outbox with the poller and the socket of an agent."""

    def __init__(self, space) -> None:
        self.socket = space.bind('agent')
        self.poller = select.epoll()
        self.box = outbox.Outbox(space, self.socket, self.poller)

    def turn(self, seconds: float = 10) -> int:
        ready = self.poller.poll(seconds)
        for fd, _ in ready:
            self.box.flush(fd)
        return len(ready)

    def fill(self, address: str, count: int, size: int = 100) -> list[str]:
        failures = []
        for number in range(count):
            text = (b'%d' % number).ljust(size)
            failure = self.box.send(text, address)
            if failure:
                failures.append(failure)
        return failures

    def close(self) -> None:
        self.box.close()
        self.poller.close()
        self.socket.close()


@pytest.fixture
def sender(space):
    made = Sender(space)
    yield made
    made.close()


def test_a_program_gets_all_in_order_at_its_own_pace(sender, space) -> None:
    with space.bind('slow') as program:
        program.setblocking(True)
        program.settimeout(10)
        assert sender.fill('slow', 200) == []
        got = []
        while len(got) < 200:
            got.append(int(program.recv(1000)))
            if len(got) < 150:
                assert sender.turn() == 1
            else:
                sender.turn(0)
        assert got == list(range(200))
        assert sender.turn(0) == 0
        assert sender.fill('slow', 1) == []
        assert program.recv(1000)


def test_it_waits_without_spinning(sender, space) -> None:
    with space.bind('slow'):
        sender.fill('slow', 50)
        assert sender.turn(0.05) == 0


def test_what_waits_is_bounded(sender, space) -> None:
    with space.bind('slow') as slow, space.bind('other') as other:
        failures = sender.fill('slow', 400, 1000)
        assert set(failures) == {'the program does not read'}
        assert sender.fill('other', 1) == []
        assert other.recv(1000)
        received = 0
        while True:
            try:
                slow.recv(2000)
            except BlockingIOError:
                if sender.turn(0) == 0:
                    break
            else:
                received += 1
        assert received == 400 - len(failures)
        assert received > outbox.MAX_WAITING // 1000


def test_a_program_that_ends_is_told_once(sender, space, caplog) -> None:
    program = space.bind('gone')
    sender.fill('gone', 50)
    program.close()
    assert sender.turn() == 1
    assert "messages that waited for 'gone': Connection refused" in caplog.text
    assert sender.fill('gone', 1) == ['Connection refused']
    assert sender.turn(0) == 0


def test_a_program_that_comes_back_gets_what_waited(sender, space) -> None:
    program = space.bind('back')
    sender.fill('back', 50)
    program.close()
    with space.bind('back') as program:
        assert sender.turn() == 1
        assert sender.turn(0.05) == 0, 'it spins on the old program'
        got: list[int] = []
        while not got or got[-1] < 49:
            try:
                got.append(int(program.recv(1000)))
            except BlockingIOError:
                assert sender.turn() == 1
    assert got == list(range(got[0], 50))


def test_closing_forgets_everything(sender, space) -> None:
    with space.bind('slow'):
        sender.fill('slow', 50)
        sender.box.close()
        assert sender.turn(0) == 0
