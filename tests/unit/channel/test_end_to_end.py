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
"""Program, daemon, socket, guest agent, scale agent and CPUs, all real but
the last."""

import json
import socket
import time

import pytest

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.guest import scaler
from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import messages
from tests.unit import polling
from tests.unit.channel import fakes
from tests.unit.guest import fakes as guest_fakes


class Asker:
    """Asks as nova-compute does: a fresh address for each request."""

    def __init__(self, folder) -> None:
        self._path = str(folder / 'channel.sock')

    def ask(
        self, data: dict, direction: str, seconds: float = 10
    ) -> messages.ScaleResponse:
        address = addresses.scale_address()
        with client.LocalProgram(self._path, address) as program:
            program.send(fakes.INSTANCE, addresses.SCALE_AGENT, data)
            answer = program.receive(time.monotonic() + seconds)
        assert answer.instance == fakes.INSTANCE
        return messages.parse_response(answer.data, direction)

    def down(self, **hint: int) -> messages.ScaleResponse:
        return self.ask(messages.down_request(9000, **hint), 'down')

    def up(self, cpu: int, online: list[int]) -> messages.ScaleResponse:
        return self.ask(messages.up_request(9000, cpu, online), 'up')


@pytest.fixture
def asker(folder) -> Asker:
    return Asker(folder)


@pytest.fixture
def boot(space, processors, stack):
    """Return a function that runs a guest's agents on a QEMU's port."""

    def make(end: fakes.FakeQemu, application=None) -> None:
        stack.enter_context(
            guest_fakes.guest(
                end.connection,
                space,
                processors,
                application or guest_fakes.FakeHelper(),
            )
        )

    return make


def test_a_server_goes_down_and_up(
    start, qemu, boot, asker, processors
) -> None:
    start()
    boot(qemu())
    assert asker.down() == ('down', 3, (0, 1, 2), None)
    assert asker.down(offline_cpu=1) == ('down', 1, (0, 2), None)
    assert processors.shown() == '0,2'
    assert asker.up(1, [0, 2]) == ('up', 1, (0, 1, 2), None)
    assert asker.up(3, [0, 1, 2]) == ('up', 3, (0, 1, 2, 3), None)
    assert processors.shown() == '0-3'


def test_a_failure_comes_back_with_its_reason(
    start, qemu, boot, asker, processors
) -> None:
    start()
    boot(qemu(), guest_fakes.FakeHelper(9))
    answer = asker.down()
    assert (answer.cpu, answer.reason) == (None, 'failed to set cpu 9 offline')
    assert processors.shown() == '0-3'


def test_a_silent_guest_is_noticed_in_time(start, qemu, asker) -> None:
    start()
    silent = qemu()
    assert silent.connection
    with pytest.raises(exception.ChannelTimeout):
        asker.ask(messages.down_request(9000), 'down', seconds=0.1)


def test_a_request_that_was_given_up_is_not_carried_out_later(
    start, qemu, boot, asker, processors, folder, monkeypatch
) -> None:
    """The guest boots after the host has given up and said so."""
    # Long enough for a busy machine to forward two messages.
    monkeypatch.setattr(scaler, 'SETTLE', 1.0)
    server = start()
    end = qemu()
    assert end.connection
    path = str(folder / 'channel.sock')
    with client.LocalProgram(path, 'scale-1') as program:
        program.send(
            fakes.INSTANCE,
            'cgcs.scale',
            messages.down_request(9000, offline_cpu=1),
        )
        program.send(
            fakes.INSTANCE, 'cgcs.scale', messages.nack('no answer in time')
        )
        polling.until(lambda: fakes.counts(server)['to_guest'] == 2)
    boot(end)
    assert asker.down(offline_cpu=2).cpu == 2
    assert processors.shown() == '0-1,3'


def test_a_fragment_costs_no_message_in_either_direction(
    start, qemu, boot, asker
) -> None:
    start()
    end = qemu()
    end.send(b'{"data":{"vers')
    boot(end)
    assert asker.down().cpu == 3


def test_a_late_answer_is_not_taken_for_a_newer_one(
    start, qemu, asker
) -> None:
    """An original guest that answers everything, the first time too late."""
    start()
    guest = qemu()
    with pytest.raises(exception.ChannelTimeout):
        asker.ask(messages.down_request(500), 'down', seconds=0.05)
    late = guest.message()

    def answer(message: header.Serial, cpu: int) -> None:
        request = json.loads(message.payload)
        data = messages.done(request, cpu, [0])
        guest.say(message.source_addr, json.dumps(data))

    address = addresses.scale_address()
    with client.LocalProgram(asker._path, address) as program:
        program.send(fakes.INSTANCE, 'cgcs.scale', messages.down_request(500))
        newer = guest.message()
        answer(late, 3)
        answer(newer, 2)
        received = program.receive(time.monotonic() + 10)
    assert received.data['offline_cpu'] == 2


def test_the_daemon_may_restart_under_a_running_guest(
    folder, qemu, asker, space, processors
) -> None:
    """QEMU keeps the guest's end open while the host's end comes and goes."""
    end = qemu()
    ends = socket.socketpair()
    ends[1].settimeout(10)
    application = guest_fakes.FakeHelper()
    with guest_fakes.guest(ends[0], space, processors, application):
        for cpu in (3, 2):
            with fakes.running(fakes.settings(folder)):
                relay = guest_fakes.running(_Relay(end, ends[1]))
                with relay:
                    assert asker.down().cpu == cpu
            end.hang_up()
    for one in ends:
        one.close()


class _Relay:
    """Passes bytes between the daemon and the guest, as QEMU does."""

    def __init__(self, end: fakes.FakeQemu, port: socket.socket) -> None:
        self._pair = (end.connection, port)
        self._ended = False

    def run(self) -> None:
        import select

        while not self._ended:
            for source in select.select(self._pair, [], [], 0.01)[0]:
                other = self._pair[source is self._pair[0]]
                other.sendall(source.recv(65536))

    def stop(self) -> None:
        self._ended = True
