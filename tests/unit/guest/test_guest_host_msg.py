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
import errno
import json
import select
import threading
import time

import pytest

from nova_ext.guest import guest_host_msg
from nova_ext.wire import header
from nova_ext.wire.jsonc import BadMessage
from tests.unit.guest import fakes


@pytest.fixture
def agent(space):
    with fakes.OldAgent(space) as made:
        yield made


def test_a_message_there_and_back(agent, space) -> None:
    with guest_host_msg.connect('my-app', space=space) as host:
        host.send('my-service', {'a/b': ['é']})
        assert agent.taken() == (
            '{"data":{"a\\/b":["é"]},"version":2,"dest_addr":"my-service",'
            '"source_addr":"my-app"}'
        )
        agent.deliver({'x': 1}, 'my-app', 'my-service')
        assert select.select([host], [], [], 10)[0] == [host]
        assert host.receive() == ('my-service', {'x': 1})
        assert host.receive(0) is None


def test_messages_can_be_iterated_until_it_is_closed(agent, space) -> None:
    for number in range(3):
        agent.queue(number, 'my-app', 's')
    seen = []
    with guest_host_msg.connect('my-app', space=space) as host:
        agent.flush()
        for message in host:
            seen.append(message.data)
            if len(seen) == 3:
                host.close()
    assert seen == [0, 1, 2]


def test_an_address_has_one_owner(agent, space) -> None:
    with guest_host_msg.connect('my-app', space=space):
        with pytest.raises(
            guest_host_msg.AddressInUse, match='my-app is in use by another'
        ):
            guest_host_msg.connect('my-app', space=space)
    guest_host_msg.connect('my-app', space=space).close()


def test_without_an_agent_there_is_no_connection(space) -> None:
    with pytest.raises(
        guest_host_msg.AgentMissing, match='start guest-agent.service'
    ):
        guest_host_msg.connect('my-app', space=space)
    space.bind('my-app').close()


def test_a_failed_look_for_the_agent_frees_the_address(
    space, monkeypatch
) -> None:
    def fail(address: str) -> bool:
        raise OSError(errno.EMFILE, 'Too many open files')

    monkeypatch.setattr(space, 'has', fail)
    # What was raised refers to all that was there.
    with pytest.raises(OSError, match='Too many open files') as raised:
        guest_host_msg.connect('my-app', space=space)
    space.bind('my-app').close()
    assert raised.value.errno == errno.EMFILE


def test_it_can_wait_for_the_agent(space) -> None:
    made: list[fakes.OldAgent] = []
    timer = threading.Timer(0.2, lambda: made.append(fakes.OldAgent(space)))
    timer.start()
    guest_host_msg.connect('my-app', wait=30, space=space).close()
    timer.join()
    made[0].close()


def test_it_does_not_wait_for_ever(space) -> None:
    began = time.monotonic()
    with pytest.raises(guest_host_msg.AgentMissing):
        guest_host_msg.connect('my-app', wait=0.2, space=space)
    assert 0.2 <= time.monotonic() - began < 10


def test_it_outlives_the_agent(agent, space) -> None:
    with guest_host_msg.connect('my-app', space=space) as host:
        agent.close()
        with pytest.raises(guest_host_msg.AgentMissing):
            host.send('s', 1)
        with fakes.OldAgent(space) as other:
            host.send('s', 2)
            assert json.loads(other.taken())['data'] == 2
            other.deliver(3, 'my-app', 's')
            assert host.receive(10).data == 3


def test_an_agent_that_does_not_read_is_told(agent, space) -> None:
    with guest_host_msg.connect('my-app', space=space) as host:
        with pytest.raises(guest_host_msg.AgentBusy, match='not read for 1 s'):
            for _ in range(10000):
                host.send('s', 'x' * 3000)


def test_a_burst_waits_for_the_agent(agent, space) -> None:
    read: list[int] = []

    def take() -> None:
        while len(read) < 100:
            read.append(json.loads(agent.taken())['data'])

    thread = threading.Thread(target=take)
    with guest_host_msg.connect('my-app', space=space) as host:
        host.send('s', 0)
        thread.start()
        for number in range(1, 100):
            host.send('s', number)
        thread.join()
    assert read == list(range(100))


def test_a_message_must_fit_every_receiver(agent, space) -> None:
    """4096 bytes at the original's narrowest hop, with the envelope."""
    with guest_host_msg.connect('my-app', space=space) as host:
        empty = len(header.to_host_program('""', 'my-app', 'x' * 19))
        host.send('s', 'x' * (4095 - empty))
        with pytest.raises(
            guest_host_msg.TooLong, match='has 4096 bytes .* send it in parts'
        ):
            host.send('s', 'x' * (4096 - empty))
        with pytest.raises(guest_host_msg.TooLong):
            host.send('s', '/' * 2500)


@pytest.mark.parametrize('address', ['', 'a b', 'x' * 16, 'é', 7])
def test_what_is_no_address(space, address) -> None:
    with pytest.raises(ValueError, match='is no address'):
        guest_host_msg.connect(address, space=space)


def test_what_is_no_message(agent, space) -> None:
    with guest_host_msg.connect('my-app', space=space) as host:
        with pytest.raises(BadMessage):
            host.send('s', {1, 2})
        agent.raw(b'junk', 'my-app')
        with pytest.raises(BadMessage):
            host.receive(10)
