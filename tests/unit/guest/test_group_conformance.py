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
"""Our programs beside what the original host and guests said of groups."""

import contextlib
import itertools
import json
import socket

import pytest

from nova_ext.guest import port
from nova_ext.guest import server_group
from nova_ext.guest import server_group_app
from nova_ext.wire import framing
from nova_ext.wire import header
from tests.unit import captures
from tests.unit import polling
from tests.unit.guest import fakes

RUNS = captures.load('captured_app_output.yaml')
ADDRESS = 'cgcs.server_grp'


@contextlib.contextmanager
def agent_on(wire, space):
    with fakes.running(fakes.agent.Agent(fakes.port_on(wire[0]), space)):
        yield wire[1]


@pytest.mark.parametrize('run', RUNS, ids=lambda run: run['instance'])
def test_the_sample_program_says_and_prints_what_was_captured(
    run, wire, space, monkeypatch
) -> None:
    """In reads of every size."""
    key = (run['section'], run['instance'])
    heard = b''.join(captures.reads('to_guest')[key])
    said = b''.join(captures.reads('to_host')[key])
    events = run['output'].count('\n\n')
    with agent_on(wire, space) as host:
        # One blank, once: see nova_ext.wire.framing.
        blank = b' '
        for size in range(1, len(heard) + 1):
            monkeypatch.setattr(port, '_READ', size)
            with connected(space) as group:
                if run['argument'] is not None:
                    group.broadcast(run['argument'])
                group.request_status()
                assert read(host, len(blank + said)) == blank + said
                blank = b''
                host.sendall(heard)
                printed = [
                    server_group_app.line(event) + '\n\n'
                    for event in itertools.islice(group, events)
                ]
            assert ''.join(printed) == run['output']


@pytest.mark.parametrize(
    'section', ['T0', 'T1', 'E1', 'E1b', 'E2', 'E3', 'E4']
)
def test_what_a_host_said_reaches_the_program_in_reads_of_every_size(
    wire, space, section: str, monkeypatch
) -> None:
    lines = captures.lines('to_guest', section)
    wanted = [
        header.to_guest_program(message.payload, message.source_addr)
        for message in map(header.parse_serial, lines)
    ]
    stream = b''.join(map(framing.host_line, lines))
    with agent_on(wire, space) as host, space.bind(ADDRESS) as program:
        program.settimeout(10)
        for size in range(1, len(stream) + 1):
            monkeypatch.setattr(port, '_READ', size)
            host.sendall(stream)
            assert [program.recv(10000) for _ in wanted] == wanted, size


def test_all_that_a_guest_said_leaves_as_it_was_captured(wire, space) -> None:
    """What the original programs gave to their agent, by our agent."""
    lines = [
        line
        for line in captures.lines('to_host')
        if line.startswith(b'{"data":{"version":2,')
        and line.endswith(b'}')
        and b'"source_addr":"cgcs.server_grp"' in line
    ]
    assert len(lines) > 10
    with agent_on(wire, space) as host, space.bind(ADDRESS) as program:
        wait_for_agent(space)
        reader = framing.LineReader()
        for line in lines:
            message = json.loads(line)
            del message['source_addr']
            datagram = json.dumps(
                message, ensure_ascii=False, separators=(',', ':')
            )
            space.send(program, datagram.encode(), 'cgcs.messaging')
            found: list[bytes] = []
            while not found:
                found = reader.feed(host.recv(65536))
            assert found == [line]


def test_the_captured_answers_of_a_query_are_one_status(space) -> None:
    """E1 and E2 of raw clients: an old agent, our library."""
    with fakes.OldAgent(space) as agent, connected(space) as group:
        for line in captures.lines('to_guest', 'E2'):
            data = json.loads(line)['data']
            agent.deliver(data, ADDRESS, ADDRESS)
        assert group.process() == [server_group.Nack('bogus', 'bad type')]
        for _ in range(72):
            group.request_status()
            agent.taken()
        for line in captures.lines('to_guest', 'E1'):
            agent.deliver(json.loads(line)['data'], ADDRESS, ADDRESS)
        (status,) = group.process()
    names = [server['display_name'] for server in status.servers]
    assert names == ['instance-0000000a', 'instance-0000000b']


@pytest.mark.parametrize('size', [3050, 3900])
def test_the_captured_long_broadcasts_are_received(space, size: int) -> None:
    """E3. The original's sender had no limit; ours stops at 3050."""
    line = next(
        line
        for line in captures.lines('to_guest', 'E3')
        if b'x' * size in line and b'x' * (size + 1) not in line
    )
    with fakes.OldAgent(space) as agent, connected(space) as group:
        agent.deliver(json.loads(line)['data'], ADDRESS, ADDRESS)
        (event,) = group.process()
        assert event == ('x' * size, 'instance-0000000b')
        if size > server_group.MAX_TEXT:
            with pytest.raises(server_group.TooLong):
                group.broadcast(event.text)
        else:
            group.broadcast(event.text)
            assert agent.taken().encode() in captures.lines('to_host', 'E3')


@contextlib.contextmanager
def connected(space):
    wait_for_agent(space)
    with server_group.connect(space=space) as group:
        yield group


def wait_for_agent(space) -> None:
    polling.until(lambda: space.has('cgcs.messaging'))


def read(end: socket.socket, size: int) -> bytes:
    found = b''
    while len(found) < size:
        found += end.recv(size - len(found))
    return found
