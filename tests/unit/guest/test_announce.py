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
"""The scale agent's announcement reaches guest_agent once that is there."""

import json

import pytest

from nova_ext.guest import announce
from nova_ext.guest import cpus
from nova_ext.wire import header
from nova_ext.wire import messages


class Pauses:
    """Counts the waits, and does something at one of them."""

    def __init__(self, at=None, do=None, ends_at=None) -> None:
        self.waits: list[float] = []
        self._at, self._do, self._ends_at = at, do, ends_at

    def __call__(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if len(self.waits) - 1 == self._at:
            self._do()
        return len(self.waits) - 1 == self._ends_at


@pytest.fixture
def sock(space):
    with space.bind('cgcs.scale') as made:
        yield made


def read(agent) -> tuple[frozenset[int], str]:
    message = header.parse_guest_program(agent.recv(10000))
    data = json.loads(message.payload)
    return messages.parse_ready(data), message.dest_addr


def test_what_is_online_is_announced(space, processors, sock) -> None:
    processors.take_offline(2)
    with space.bind('cgcs.messaging') as agent:
        announce.until_heard(processors, space, sock, Pauses())
        assert read(agent) == ({0, 1, 3}, 'cgcs.scale')


def test_it_waits_for_guest_agent(space, processors, sock) -> None:
    agents = []

    def appear() -> None:
        processors.take_offline(3)
        agents.append(space.bind('cgcs.messaging'))

    pauses = Pauses(3, appear)
    announce.until_heard(processors, space, sock, pauses)
    assert pauses.waits == [0, 0.2, 1.0, 5.0]
    with agents[0]:
        assert read(agents[0])[0] == {0, 1, 2}


def test_the_end_of_the_program_ends_it(space, processors, sock) -> None:
    pauses = Pauses(ends_at=2)
    announce.until_heard(processors, space, sock, pauses)
    assert len(pauses.waits) == 3


def test_an_agent_that_ended_before_says_nothing(
    space, processors, sock
) -> None:
    with space.bind('cgcs.messaging') as agent:
        announce.until_heard(processors, space, sock, Pauses(ends_at=0))
        with pytest.raises(BlockingIOError):
            agent.recv(1)


def test_a_kernel_that_does_not_say_is_no_announcement(
    space, sock, tmp_path, caplog
) -> None:
    with space.bind('cgcs.messaging') as agent:
        silent = cpus.Cpus(str(tmp_path))
        announce.until_heard(silent, space, sock, Pauses())
        with pytest.raises(BlockingIOError):
            agent.recv(1)
    assert 'cannot read the online cpus' in caplog.text
