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
import pathlib
import socket
import tempfile
from typing import Any

import pytest

from nova_ext.channel import client
from tests.unit.channel import fakes
from tests.unit.guest.conftest import processors
from tests.unit.guest.conftest import space

__all__ = ['processors', 'space']


@pytest.fixture
def folder():
    """A folder whose path leaves room for the names of sockets."""
    path = pathlib.Path(tempfile.mkdtemp(prefix='ch-', dir='/tmp'))
    yield path
    fakes.clean(path)


@pytest.fixture
def removed_folder(tmp_path, stack) -> str:
    """The path of a folder that is removed and still seen, as a mount does."""
    path = tmp_path / 'removed'
    path.mkdir()
    fd = os.open(path, os.O_RDONLY)
    stack.callback(os.close, fd)
    path.rmdir()
    return '/proc/self/fd/%d' % fd


@pytest.fixture
def stack():
    """Ends what a test has started, the last first."""
    with contextlib.ExitStack() as made:
        yield made


@pytest.fixture
def start(folder, stack):
    """Return a function that runs the daemon until the end of the test."""

    def make(**changes: Any):
        return stack.enter_context(
            fakes.running(fakes.settings(folder, **changes))
        )

    return make


@pytest.fixture
def qemu(folder, stack):
    """Return a function that makes the end of one guest."""

    def make(
        instance: str = fakes.INSTANCE, listens: bool = True
    ) -> fakes.FakeQemu:
        made = fakes.FakeQemu(folder, instance, listens)
        stack.callback(made.close)
        return made

    return make


@pytest.fixture
def program(folder, stack):
    """Return a function that binds a program's address at the daemon."""

    def make(address: str) -> client.LocalProgram:
        return stack.enter_context(
            client.LocalProgram(str(folder / 'channel.sock'), address)
        )

    return make


@pytest.fixture
def connect(folder, stack):
    """Return a function that makes a bare connection to the daemon."""

    def make() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.enter_context(sock)
        sock.settimeout(10)
        sock.connect(str(folder / 'channel.sock'))
        return sock

    return make
