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
"""The programs as processes of one guest, on every Python that is here."""

import json
import os
import pathlib
import pty
import signal
import subprocess
import tty

import pytest

from nova_ext.guest import build
from nova_ext.wire import framing
from nova_ext.wire import header
from nova_ext.wire import messages
from nova_ext.wire import server_group
from tests.unit import polling
from tests.unit.guest import fakes
from tests.unit.guest import interpreters

HOOK = """#!/bin/sh
read -r call
echo "$call" >> %s
case $call in *choose*) echo '{"cpu": 2}';; esac
"""

SERVERS = 25


class Guest:
    """Processes with abstract addresses of their own, and a serial port."""

    def __init__(self, root: pathlib.Path, python: str) -> None:
        self.root = root
        self.app = root / 'guest.pyz'
        build.zipapp(str(self.app), python)
        self.host, port = pty.openpty()
        tty.setraw(port)
        self.port = os.ttyname(port)
        os.close(port)
        self._reader = framing.LineReader()
        self._lines: list[bytes] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        # Keeps the name space for the others.
        self._holder = subprocess.Popen(['unshare', '-n', 'sleep', '600'])
        self._python = python
        self._space = '/proc/%d/ns/net' % self._holder.pid
        own = os.readlink('/proc/self/ns/net')
        polling.until(lambda: os.readlink(self._space) != own)

    def start(self, program: str, *args: object) -> None:
        with self.log(program).open('wb') as log:
            with self.output(program).open('wb') as output:
                self.processes[program] = subprocess.Popen(
                    [
                        *('nsenter', '--net=' + self._space),
                        *(self.app, program, *args),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    env={
                        'PATH': os.environ['PATH'],
                        'LC_ALL': 'C',
                        'JOURNAL_STREAM': '1:1',
                        'PYTHONWARNINGS': 'default',
                    },
                )

    def log(self, program: str) -> pathlib.Path:
        return self.root / (program + '.log')

    def output(self, program: str) -> pathlib.Path:
        return self.root / (program + '.out')

    def logged(self, program: str, text: str) -> None:
        polling.until(
            lambda: (
                text in self.log(program).read_text()
                or self.processes[program].poll() is not None
            ),
            60,
        )
        assert text in self.log(program).read_text()

    def line(self) -> dict:
        while not self._lines:
            self._lines = self._reader.feed(os.read(self.host, 65536))
        return json.loads(self._lines.pop(0))

    def say(self, dest: str, source: str, *data: dict) -> None:
        for item in data:
            payload = json.dumps(item)
            line = framing.host_line(header.serial(payload, dest, source))
            os.write(self.host, line)

    def say_as_nobody(self, dest: str, source: str, data: dict) -> None:
        """Send to a program of the guest, from a process without rights."""
        datagram = header.to_guest_program(json.dumps(data), source).decode()
        subprocess.run(
            [
                *('nsenter', '--net=' + self._space),
                *(self._python, '-c', fakes.STRANGER, dest, datagram),
            ],
            check=True,
            timeout=60,
        )

    def end(self, program: str) -> int:
        process = self.processes.pop(program)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def close(self) -> None:
        for process in [*self.processes.values(), self._holder]:
            process.kill()
            process.wait()
        os.close(self.host)


@pytest.fixture(params=interpreters.WANTED)
def guest(request, tmp_path: pathlib.Path):
    if os.geteuid():
        pytest.skip('name spaces are for root')
    made = Guest(tmp_path, interpreters.path_of(request.param))
    yield made
    made.close()


def test_a_guest_talks_scales_and_ends(guest, tmp_path) -> None:
    processors = fakes.FakeCpus(tmp_path / 'cpu')
    (tmp_path / 'hooks').mkdir()
    hook = tmp_path / 'hooks/10-note'
    hook.write_text(HOOK % (tmp_path / 'calls'))
    hook.chmod(0o755)

    guest.start('guest_agent', '7', '--port', guest.port)
    guest.logged('guest_agent', 'Opened')
    talk(guest)
    guest.start(
        *('guest_scale_agent', '7', '--sysfs', processors.root),
        *('--hooks', tmp_path / 'hooks'),
    )
    guest.logged('guest_scale_agent', 'Cannot take the parked CPUs offline')
    announced = guest.line()
    assert announced['dest_addr'] == 'cgcs.scale'
    assert messages.parse_ready(announced['data']) == {0, 1, 2, 3}
    scale(guest, processors)
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert [json.loads(call)['event'] for call in calls] == [
        'choose',
        'offline',
    ]

    for program in ('server_group_app', 'guest_scale_agent', 'guest_agent'):
        assert guest.end(program) == 0
        said = guest.log(program).read_text()
        assert 'Traceback' not in said
        assert 'Warning' not in said


def talk(guest: Guest) -> None:
    """More servers than the kernel queues datagrams for a program."""
    guest.start('server_group_app', 'héllo "x"')
    assert guest.line()['data']['data'] == 'héllo "x"'
    query = guest.line()
    assert query['data']['seq'] == 1
    guest.say(
        *(query['source_addr'], query['dest_addr']),
        server_group.notification({'event_type': 'x', 'payload': {}}),
        *(
            server_group.status_response(1, {'number': number})
            for number in range(SERVERS)
        ),
        server_group.status_done(1),
        server_group.forwarded('instance-2', 'é'),
    )
    listed = ','.join('{ "number": %d }' % n for n in range(SERVERS))
    wanted = (
        'got server group notification msg: '
        '{ "event_type": "x", "payload": { } }\n\n'
        'got server group status response msg: [%s]\n\n'
        'got server group broadcast msg: len: 2, sinstance: instance-2, '
        'msg: é\n\n'
    ) % listed
    output = guest.output('server_group_app')
    polling.until(lambda: len(output.read_bytes()) >= len(wanted.encode()))
    assert output.read_text('utf-8') == wanted


def scale(guest: Guest, processors: fakes.FakeCpus) -> None:
    request = messages.down_request(9000)
    guest.say('cgcs.scale', 'scale-1', request)
    answer = guest.line()
    assert answer['dest_addr'] == 'scale-1'
    assert answer['data']['result'] == 'success', answer
    assert answer['data']['offline_cpu'] == 2
    assert (processors.root / 'cpu2/online').read_text() == '0'


def test_the_scale_agent_serves_on_whatever_it_hears(guest, tmp_path) -> None:
    processors = fakes.FakeCpus(tmp_path / 'cpu')
    guest.start('guest_agent', '7', '--port', guest.port)
    guest.logged('guest_agent', 'Opened')
    guest.start(
        *('guest_scale_agent', '7', '--sysfs', processors.root),
        *('--hooks', tmp_path, '--helper', tmp_path / 'none'),
    )
    guest.logged('guest_scale_agent', 'Cannot take the parked CPUs offline')
    assert guest.line()['dest_addr'] == 'cgcs.scale'
    order = {**messages.down_request(9000), 'offline_cpu': 1}
    guest.say_as_nobody('cgcs.scale', 'scale-0', order)
    guest.logged('guest_scale_agent', 'only root may ask to scale')
    for digits in (303, 400):
        request = messages.down_request(10**digits, 9)
        guest.say('cgcs.scale', 'scale-1', request)
        assert 'cpu 9' in guest.line()['data']['err_msg']
    guest.say('cgcs.scale', 'scale-1', {**order, 'direction': '\ud800'})
    guest.logged('guest_scale_agent', 'gets no answer: the value is not JSON')
    guest.say('cgcs.scale', 'scale-2', messages.down_request(9000, 2))
    assert guest.line()['data']['result'] == 'success'
    assert (processors.root / 'cpu1/online').read_text() == '1\n'
    assert guest.end('guest_scale_agent') == 0
    assert 'Traceback' not in guest.log('guest_scale_agent').read_text()


def test_a_missing_port_and_an_absent_host_are_told_and_awaited(guest) -> None:
    link = guest.root / 'port'
    guest.start('guest_agent', '7', '--port', link)
    guest.logged('guest_agent', 'this host gives the server no channel')
    link.symlink_to(guest.port)
    guest.logged('guest_agent', 'Opened')
    os.close(guest.host)
    guest.host = os.open('/dev/null', os.O_RDWR)
    guest.logged('guest_agent', 'The host left the port')
    guest.start('server_group_app')
    guest.logged('guest_agent', 'cgcs.server_grp: the host is away')
    assert guest.end('guest_agent') == 0
    # The program lives on without an agent.
    assert guest.processes['server_group_app'].poll() is None
    assert guest.end('server_group_app') == 0
    text = guest.log('guest_agent').read_text()
    assert len(text.splitlines()) < 10, text


def test_one_owner_of_an_address_and_no_agent(guest) -> None:
    guest.start('server_group_app')
    assert guest.processes.pop('server_group_app').wait(30) == 255
    said = guest.log('server_group_app').read_text()
    assert said == (
        'server_group_app: No guest agent runs in this guest: start '
        'guest-agent.service.\n'
    )
