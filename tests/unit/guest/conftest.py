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
import itertools
import os
import pathlib
import socket

import pytest

from nova_ext.guest import sockets
from tests.unit.guest import fakes

_numbers = itertools.count()


@pytest.fixture
def space() -> sockets.Space:
    """Addresses that no other test or program uses."""
    return sockets.Space('t%d-%d-' % (os.getpid(), next(_numbers)))


@pytest.fixture
def processors(tmp_path: pathlib.Path) -> fakes.FakeCpus:
    return fakes.FakeCpus(tmp_path / 'cpu')


@pytest.fixture
def wire():
    """The two ends of a serial port: the guest's and the host's."""
    ends = socket.socketpair()
    ends[1].settimeout(10)
    yield ends
    for end in ends:
        end.close()
