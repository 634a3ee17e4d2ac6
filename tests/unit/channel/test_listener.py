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
from collections.abc import Callable
from collections.abc import Iterator
import errno
import pathlib
from typing import Any

import pytest

from nova_ext.channel import client
from nova_ext.channel import listener
from nova_ext.wire import server_group
from tests.unit import polling
from tests.unit.channel import fakes
from tests.unit.channel.conftest import folder
from tests.unit.channel.conftest import qemu
from tests.unit.channel.conftest import stack

__all__ = ['folder', 'qemu', 'stack']

QUERY = '{"version":2,"msg_type":"status_query","seq":1}'
DONE = server_group.status_done(1)


class World:
    def __init__(self, folder: pathlib.Path) -> None:
        self.heard: list[client.Received] = []
        self.problems: list[str | None] = []
        self.lost: list[str] = []
        #: Called with a message before it counts as heard.
        self.before: Callable[[client.Received], object] = lambda _: None
        self.listener = listener.Listener(
            str(folder / 'channel.sock'),
            server_group.ADDRESS,
            self.hear,
            self.problems.append,
            self.lost.append,
        )
        self.listener.start()

    def hear(self, message: client.Received) -> None:
        self.before(message)
        self.heard.append(message)


@pytest.fixture
def world(folder: pathlib.Path) -> Iterator[World]:
    made = World(folder)
    yield made
    made.listener.close()


def exchange(world: World, guest: Any) -> None:
    """The guest is heard, and hears."""
    guest.say(server_group.ADDRESS, QUERY)
    polling.until(lambda: world.heard)
    assert world.heard.pop().data['msg_type'] == 'status_query'
    assert world.listener.send(guest.instance, DONE)
    message = guest.message()
    assert message.source_addr == message.dest_addr == 'cgcs.server_grp'
    assert '"status_response_done"' in message.payload


def test_before_the_daemon_and_after_its_restart(
    folder: pathlib.Path, world: World, qemu: Any
) -> None:
    guest = qemu()
    polling.until(lambda: world.problems)
    assert 'check that nova-ext-channel runs' in str(world.problems[0])
    assert not world.listener.send(guest.instance, DONE)
    for _ in range(2):
        with fakes.running(fakes.settings(folder)):
            polling.until(lambda: world.problems[-1] is None)
            exchange(world, guest)
        guest.hang_up()
        polling.until(lambda: world.problems[-1] is not None)


def test_another_program_has_the_address(
    folder: pathlib.Path, world: World
) -> None:
    world.listener.close()
    with fakes.running(fakes.settings(folder)):
        path = str(folder / 'channel.sock')
        with client.LocalProgram(path, server_group.ADDRESS):
            second = World(folder)
            polling.until(lambda: second.problems)
            assert 'in use by another program' in str(second.problems[0])
        polling.until(lambda: second.problems[-1] is None)
        second.listener.close()


def test_a_message_that_cannot_be_taken_ends_no_connection(
    folder: pathlib.Path, world: World, qemu: Any, caplog: Any
) -> None:
    def fail(message: client.Received) -> None:
        raise RuntimeError('expected by the test')

    guest = qemu()
    with fakes.running(fakes.settings(folder)):
        polling.until(lambda: world.problems and world.problems[-1] is None)
        world.before = fail
        for number in range(1, 11):
            guest.say(server_group.ADDRESS, QUERY)
            polling.until(lambda number=number: len(world.lost) == number)
        world.before = lambda _: None
        exchange(world, guest)
        assert world.problems[-1] is None
    assert world.lost == ['error'] * 10
    assert caplog.text.count('Could not take a message of ') == 5
    assert 'expected by the test' in caplog.text


def test_any_other_failure_is_reported_and_gets_over(
    folder: pathlib.Path, qemu: Any, monkeypatch: Any, caplog: Any
) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.EMFILE, 'expected by the test')

    monkeypatch.setattr(listener, '_LONGEST_PAUSE', 0.01)
    guest = qemu()
    with fakes.running(fakes.settings(folder)):
        with monkeypatch.context() as patch:
            patch.setattr(client, 'LocalProgram', fail)
            world = World(folder)
            polling.until(lambda: world.problems)
        try:
            assert world.problems[0] == 'failed, see the log'
            assert 'expected by the test' in caplog.text
            polling.until(lambda: world.problems[-1] is None)
            exchange(world, guest)
        finally:
            world.listener.close()


def test_one_that_was_never_started_closes(folder: pathlib.Path) -> None:
    made = listener.Listener('nowhere', 'x', lambda _: None, lambda _: None)
    made.close()
