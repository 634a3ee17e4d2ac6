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
"""The guest's real agents against what the original host and guest said."""

import json
import socket
from typing import Any

import pytest

from nova_ext.guest import port
from nova_ext.guest import scaler
from nova_ext.wire import framing
from tests.unit import captures
from tests.unit.guest import fakes
from tests.unit.wire import old_reader

EXCHANGES = list(captures.exchanges())


class Host:
    """The original host agent's end of the port."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader = old_reader.OldReader()

    def exchange(self, request: bytes, size: int = 10000) -> bytes:
        """Send a line as the original did, in two writes; return the reply.

        :param size: of the original's reads, in bytes.
        """
        self._end.send(request)
        self._end.send(b'\n')
        heard = b''
        while not self._reader.delivered:
            chunk = self._end.recv(size)
            heard += chunk
            self._reader.read(chunk)
        line = heard.strip()
        assert self._reader.delivered == [json.loads(line)]
        self._reader.delivered.clear()
        return line


@pytest.mark.parametrize('item', EXCHANGES, ids=lambda item: item['name'])
def test_a_captured_request_is_answered_byte_for_byte(
    item: dict[str, Any], wire, space, processors, monkeypatch
) -> None:
    """In reads of every size, of the guest and of the host."""
    # Waiting for a newer request would take most of the time.
    monkeypatch.setattr(scaler, 'SETTLE', 0.0)
    status = None if item['helper'] == 'none' else item['helper']
    application = fakes.FakeHelper(status)
    host = Host(wire[1])
    longest = max(len(item['request']), len(item['expected'])) + 2
    with fakes.guest(wire[0], space, processors, application):
        for size in range(1, longest + 1):
            monkeypatch.setattr(port, '_READ', size)
            processors.reset(item['before'])
            assert host.exchange(item['request'], size) == item['expected']
            assert processors.shown() == item['after']


def test_the_captured_slow_helper_takes_nothing_offline(
    wire, space, processors, tmp_path
) -> None:
    """T12: the original took a CPU offline after the host had given up."""
    script = tmp_path / 'helper'
    script.write_text('#!/bin/sh\nexec sleep 600\n')
    script.chmod(0o755)
    request = captures.lines('to_guest', 'T12')[0]
    assert b'"timeout_ms":1500' in request
    application = fakes.helper.Helper(str(script))
    with fakes.guest(wire[0], space, processors, application):
        answer = Host(wire[1]).exchange(request)
    assert b'"result":"fail"' in answer
    assert processors.writes == []


def test_the_captured_request_without_answer_gets_none(
    wire, space, processors
) -> None:
    """T2: nobody had bound cgcs.scale; the agent drops it and lives on."""
    agent = fakes.agent.Agent(fakes.port_on(wire[0]), space)
    with fakes.running(agent), space.bind('cgcs.server_grp') as program:
        program.settimeout(10)
        for line in captures.lines('to_guest', 'T2'):
            wire[1].send(framing.host_line(line))
        wire[1].send(framing.host_line(captures.lines('to_guest', 'E2')[0]))
        assert b'"nack"' in program.recv(1000)
    wire[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        wire[1].recv(1)


def test_two_requests_in_one_read_get_the_answer_of_the_newer(
    wire, space, processors
) -> None:
    """As when the host agent had queued them for a guest that booted."""
    down = captures.lines('to_guest', 'T4')[0]
    newer = down.replace(b'scale-0000000a', b'scale-0000000b')
    with fakes.guest(wire[0], space, processors, _Slow()):
        wire[1].send(framing.host_line(down) + framing.host_line(newer))
        reader = framing.LineReader()
        lines: list[bytes] = []
        while not lines:
            lines = reader.feed(wire[1].recv(65536))
    assert b'"dest_addr":"scale-0000000b"' in lines[0]
    assert processors.shown() == '0-2'


class _Slow(fakes.FakeHelper):
    """Leaves a newer request the time to arrive, the first time."""

    def _run(self, args, limit):
        self.calls.append(args)
        if len(self.calls) == 1:
            limit.wake.wait(1)
        return None
