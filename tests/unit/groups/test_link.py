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
from collections.abc import Iterator
import pathlib
from typing import Any

import pytest

from nova_ext.channel import client
from nova_ext.groups import contract
from nova_ext.groups import link
from nova_ext.wire import server_group
from tests.unit import polling
from tests.unit.channel import fakes
from tests.unit.channel.conftest import folder
from tests.unit.channel.conftest import qemu
from tests.unit.channel.conftest import stack

__all__ = ['folder', 'qemu', 'stack']

QUERY = '{"version":2,"msg_type":"status_query","seq":1}'
DONE = contract.Delivery((), server_group.status_done(1))


class World:
    def __init__(self, folder: pathlib.Path) -> None:
        self.heard: list[client.Received] = []
        self.problems: list[str | None] = []
        self.link = link.Link(
            str(folder / 'channel.sock'),
            self.heard.append,
            self.problems.append,
        )
        self.link.start()


@pytest.fixture
def world(folder: pathlib.Path) -> Iterator[World]:
    made = World(folder)
    yield made
    made.link.close()


def exchange(world: World, guest: Any) -> None:
    """The guest is heard, and hears."""
    guest.say(server_group.ADDRESS, QUERY)
    polling.until(lambda: world.heard)
    assert world.heard.pop().data['msg_type'] == 'status_query'
    assert world.link.send(DONE, guest.instance)
    message = guest.message()
    assert message.source_addr == message.dest_addr == 'cgcs.server_grp'
    assert '"status_response_done"' in message.payload


def test_before_the_daemon_and_after_its_restart(
    folder: pathlib.Path, world: World, qemu: Any
) -> None:
    guest = qemu()
    polling.until(lambda: world.problems)
    assert 'check that nova-ext-channel runs' in str(world.problems[0])
    assert not world.link.send(DONE, guest.instance)
    for _ in range(2):
        with fakes.running(fakes.settings(folder)):
            polling.until(lambda: world.problems[-1] is None)
            exchange(world, guest)
        guest.hang_up()
        polling.until(lambda: world.problems[-1] is not None)


def test_another_program_has_the_address(
    folder: pathlib.Path, world: World
) -> None:
    world.link.close()
    with fakes.running(fakes.settings(folder)):
        path = str(folder / 'channel.sock')
        with client.LocalProgram(path, server_group.ADDRESS):
            second = World(folder)
            polling.until(lambda: second.problems)
            assert 'in use by another program' in str(second.problems[0])
        polling.until(lambda: second.problems[-1] is None)
        second.link.close()
