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
import fcntl
import json
import os
import socket

import pytest

from nova_ext.guest import agent
from nova_ext.guest import port
from nova_ext.wire import framing
from nova_ext.wire import header
from tests.unit import captures
from tests.unit import polling
from tests.unit.guest import fakes


@pytest.fixture
def serving(wire, space):
    """The host's end of a port that a real agent serves."""
    with fakes.running(agent.Agent(fakes.port_on(wire[0]), space)):
        probe = space.bind('probe')
        wire[1].send(header.serial('0', 'probe', 'x') + b'\n')
        probe.settimeout(10)
        probe.recv(100)
        probe.close()
        yield wire[1]


def program(space, address: str) -> socket.socket:
    sock = space.bind(address)
    sock.settimeout(10)
    return sock


class Host:
    """Reads lines at the host's end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader = framing.LineReader()
        self._lines: list[bytes] = []

    def line(self) -> bytes:
        while not self._lines:
            self._lines = self._reader.feed(self._end.recv(65536))
        return self._lines.pop(0)


def test_a_program_reaches_the_host_under_its_own_address(
    serving, space
) -> None:
    with program(space, 'scale-1') as sender:
        claims = {
            'data': {'text': 'a/é'},
            'version': 2,
            'dest_addr': 'cgcs.x',
            'source_addr': 'forged',
        }
        space.send(sender, json.dumps(claims).encode(), 'cgcs.messaging')
        assert (
            serving.recv(1000)
            == (
                ' \n{"data":{"text":"a\\/é"},"version":2,"dest_addr":"cgcs.x",'
                '"source_addr":"scale-1"}\n'
            ).encode()
        )


@pytest.mark.parametrize('size', [1, 2, 3, 5, 17, 100, 1000, 65536])
def test_captured_lines_reach_their_program_however_they_are_cut(
    serving, space, size: int, monkeypatch
) -> None:
    monkeypatch.setattr(port, '_READ', size)
    lines = [
        line
        for line in captures.lines('to_guest')
        if b'"dest_addr":"cgcs.server_grp"' in line and len(line) < 1000
    ]
    with program(space, 'cgcs.server_grp') as receiver:
        for line in lines:
            serving.send(framing.host_line(line))
            message = header.parse_serial(line)
            assert receiver.recv(10000) == header.to_guest_program(
                message.payload, message.source_addr
            )


def test_a_fragment_does_not_cost_the_next_message(serving, space) -> None:
    with program(space, 'a') as receiver:
        serving.send(b'{"data":{"vers')
        serving.send(framing.guest_line(header.serial('1', 'a', 'b')))
        assert header.parse_delivered(receiver.recv(100)).data == 1


@pytest.mark.parametrize(
    'case',
    captures.load('wire_malformed.yaml'),
    ids=lambda case: case['name'],
)
def test_the_agent_survives_a_malformed_line(
    serving, space, case, caplog
) -> None:
    with program(space, 'a') as receiver:
        serving.send(captures.line_of(case['line']) + b'\n')
        serving.send(framing.host_line(header.serial('7', 'a', 'b')))
        data = header.parse_delivered(receiver.recv(20000)).data
        if data != 7:
            # Delivered as it is: only another hop would have to print it.
            data = header.parse_delivered(receiver.recv(100)).data
        assert data == 7


@pytest.mark.parametrize(
    ('datagram', 'said'),
    [
        (b'', 'not a JSON object|not JSON'),
        (b'junk', 'not JSON'),
        (b'{"data":1,"version":1,"dest_addr":"a"}', 'version is not 2'),
        (b'{"data":1,"version":2}', 'dest_addr is missing or no address'),
        (b'{"version":2,"dest_addr":"a"}', 'data is missing'),
        (b'{"data":"%s","version":2,"dest_addr":"a"}' % (b'x' * 65480), 'tha'),
    ],
)
def test_a_bad_datagram_is_dropped_and_told(
    serving, space, datagram: bytes, said: str, caplog
) -> None:
    host = Host(serving)
    with program(space, 'scale-1') as sender:
        space.send(sender, datagram, 'cgcs.messaging')
        good = header.from_guest_program('good', 'a')
        space.send(sender, good, 'cgcs.messaging')
        assert b'"good"' in host.line()
    assert any(part in caplog.text for part in said.split('|'))
    assert 'Dropped a message from scale-1' in caplog.text


def test_a_program_without_address_is_dropped(serving, space, caplog) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unbound:
        unbound.sendto(b'{}', space.path('cgcs.messaging'))
        polling.until(lambda: 'it has bound no address' in caplog.text)


def test_a_missing_program_is_told_and_hurts_nobody(
    serving, space, caplog
) -> None:
    with program(space, 'a') as receiver:
        serving.send(framing.host_line(header.serial('1', 'gone', 'b')))
        serving.send(framing.host_line(header.serial('2', 'a', 'b')))
        assert header.parse_delivered(receiver.recv(100)).data == 2
    assert "Dropped a message for 'gone': Connection refused" in caplog.text


def test_the_agent_waits_for_its_address(wire, space) -> None:
    old = space.bind('cgcs.messaging')
    with fakes.running(agent.Agent(fakes.port_on(wire[0]), space)):
        wire[1].send(framing.host_line(header.serial('1', 'a', 'b')))
        with program(space, 'a') as receiver:
            old.close()
            assert receiver.recv(100)


def test_the_agent_waits_for_its_port(wire, space) -> None:
    attempts: list[str] = []

    def opener(path: str) -> int:
        attempts.append(path)
        if len(attempts) < 3:
            raise FileNotFoundError(2, 'missing')
        return os.dup(wire[0].fileno())

    wire[0].setblocking(False)
    with program(space, 'a') as receiver:
        with fakes.running(agent.Agent(port.Port('x', opener), space)):
            wire[1].send(framing.host_line(header.serial('1', 'a', 'b')))
            assert receiver.recv(100)


def test_an_absent_host_costs_no_time(space, caplog) -> None:
    """An empty read and a hang-up last: the agent must not spin on them."""

    class Counting(agent.Agent):
        turns = 0

        def _turn(self) -> bool:
            self.turns += 1
            return super()._turn()

    ends = socket.socketpair()
    ends[1].close()
    server = Counting(fakes.port_on(ends[0]), space)
    with fakes.running(server), program(space, 'a') as sender:
        for number in range(1, 21):
            datagram = header.from_guest_program(number, 'b')
            polling.until(
                lambda text=datagram: (
                    space.send(sender, text, 'cgcs.messaging') is None
                )
            )
            polling.until(
                lambda count=number: caplog.text.count('Dropped') == count
            )
    assert server.turns < 100
    ends[0].close()


def test_a_port_that_somebody_has_a_copy_of_can_be_lost(
    space, caplog, monkeypatch
) -> None:
    """It comes back with the number that is still watched."""
    monkeypatch.setattr(port, 'RETRY', (0.001,))
    ends = socket.socketpair()
    ends[1].close()
    # No other thread of this process takes the number meanwhile.
    number = fcntl.fcntl(ends[0], fcntl.F_DUPFD_CLOEXEC, 500)
    os.close(number)
    ends[0].setblocking(False)

    def opener(path: str) -> int:
        return os.dup2(ends[0].fileno(), number, inheritable=False)

    server = agent.Agent(port.Port('a copy', opener), space)
    with fakes.running(server), program(space, 'a') as sender:
        datagram = header.from_guest_program(1, 'b')
        polling.until(
            lambda: space.send(sender, datagram, 'cgcs.messaging') is None
        )
        polling.until(lambda: 'Lost a copy' in caplog.text)
        for _ in range(2):
            before = caplog.text.count('Dropped')
            space.send(sender, datagram, 'cgcs.messaging')
            polling.until(
                lambda count=before: caplog.text.count('Dropped') > count
            )
    ends[0].close()


def test_a_stopped_agent_frees_its_address(wire, space) -> None:
    with fakes.running(agent.Agent(fakes.port_on(wire[0]), space)):
        pass
    space.bind('cgcs.messaging').close()


def test_a_burst_reaches_a_program_that_starts_to_read_later(
    serving, space
) -> None:
    """Beside another one, which is not held up."""
    with program(space, 'slow') as slow, program(space, 'quick') as quick:
        lines = [header.serial(str(n), 'slow', 'x') for n in range(100)]
        lines.append(header.serial('"quick"', 'quick', 'x'))
        serving.send(b''.join(map(framing.host_line, lines)))
        assert header.parse_delivered(quick.recv(100)).data == 'quick'
        got = [header.parse_delivered(slow.recv(100)).data for _ in range(100)]
    assert got == list(range(100))
