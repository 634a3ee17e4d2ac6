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
import json
import os
import subprocess
import sys
import threading

import pytest

from nova_ext.guest import announce
from nova_ext.guest import scale_agent
from nova_ext.wire import header
from nova_ext.wire import messages
from tests.unit import polling
from tests.unit.guest import fakes

UP = messages.up_request(9000, 3, [0, 1, 2])
DOWN = messages.down_request(9000)


class Host:
    """Stands for the guest's agent, and so for the host behind it."""

    def __init__(self, space) -> None:
        self._space = space
        self.socket = space.bind('cgcs.messaging')
        self.socket.settimeout(10)

    def ask(self, data: object, source: str = 'scale-1') -> None:
        datagram = header.to_guest_program(json.dumps(data), source)
        polling.until(
            lambda: (
                self._space.send(self.socket, datagram, 'cgcs.scale') is None
            )
        )

    def answer(self) -> tuple[dict, str]:
        message = header.parse_guest_program(self.socket.recv(10000))
        return json.loads(message.payload), message.dest_addr


@pytest.fixture
def host(space):
    made = Host(space)
    yield made
    made.socket.close()


@pytest.fixture
def start(processors, space):
    """Return a function that makes an agent, to be run by `fakes.running`."""

    def make(
        application=None,
        at_boot=lambda: None,
        announcer=fakes.says_nothing,
    ):
        return scale_agent.ScaleAgent(
            processors,
            fakes.says(application),
            space,
            at_boot,
            announcer,
        )

    return make


class Blocking(fakes.FakeHelper):
    """A helper that runs until it is told to end, or killed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.started = threading.Event()
        self.killed = threading.Event()
        self.end = threading.Event()

    def _run(self, args, limit):
        self.calls.append(args)
        self.started.set()
        while not self.end.is_set():
            if limit.wake.wait(0.001):
                self.killed.set()
                raise fakes.runner.Timeout('killed')
        return self.status


def test_a_request_is_answered_to_the_address_that_asked(host, start) -> None:
    with fakes.running(start()):
        host.ask(DOWN, 'scale-0123abcd')
        data, address = host.answer()
    assert address == 'scale-0123abcd'
    assert data['offline_cpu'] == 3


def test_a_newer_request_ends_the_older_one(host, start, processors) -> None:
    """As when the host gave up: only the newer one is answered."""
    application = Blocking(1)
    with fakes.running(start(application)):
        host.ask(DOWN, 'scale-1')
        assert application.started.wait(10)
        host.ask({**DOWN, 'offline_cpu': 2}, 'scale-2')
        assert application.killed.wait(10)
        assert host.answer()[1] == 'scale-2'
    assert processors.writes == [('cpu2', '0')]


def test_requests_that_arrive_together_late_are_not_all_carried_out(
    host, start, processors
) -> None:
    """Queued somewhere while the guest booted: the last one counts."""
    boot = threading.Event()
    agent = start(at_boot=boot.wait)
    with fakes.running(agent):
        for number in range(1, 4):
            host.ask({**DOWN, 'offline_cpu': number}, 'scale-%d' % number)
        polling.until(lambda: _source(agent) == 'scale-3')
        boot.set()
        assert host.answer()[1] == 'scale-3'
    assert processors.writes == [('cpu3', '0')]


def test_a_nack_takes_a_waiting_request_back(host, start, processors) -> None:
    boot = threading.Event()
    agent = start(at_boot=boot.wait)
    with fakes.running(agent):
        host.ask(DOWN, 'scale-1')
        host.ask(messages.nack('no answer in time'), 'scale-1')
        host.ask(messages.nack('x'), 'nobody')
        polling.until(lambda: _void(agent))
        boot.set()
        host.ask({**DOWN, 'offline_cpu': 2}, 'scale-2')
        assert host.answer()[1] == 'scale-2'
    assert processors.writes == [('cpu2', '0')]


def _source(agent: scale_agent.ScaleAgent) -> str:
    waiting = agent._mailbox._waiting
    return '' if waiting is None else waiting.source


def _void(agent: scale_agent.ScaleAgent) -> bool:
    waiting = agent._mailbox._waiting
    return waiting is not None and waiting.void is not None


def test_an_answer_that_cannot_be_sent_takes_the_change_back(
    host, start, processors
) -> None:
    application = Blocking(1)
    with fakes.running(start(application)):
        host.ask(DOWN)
        assert application.started.wait(10)
        host.socket.close()
        application.end.set()
        polling.until(lambda: len(processors.writes) == 2)
    assert processors.writes == [('cpu1', '0'), ('cpu1', '1')]
    assert processors.shown() == '0-3'


def test_a_change_that_was_overtaken_is_taken_back(
    host, start, processors, monkeypatch
) -> None:
    """The kernel took too long: the host has given up and asks again."""
    slow = threading.Event()
    written = threading.Event()
    real = processors._write

    def write(name: str, value: str) -> None:
        real(name, value)
        if len(processors.writes) == 1:
            written.set()
            assert slow.wait(10)

    monkeypatch.setattr(processors, '_write', write)
    agent = start(fakes.FakeHelper(1))
    with fakes.running(agent):
        host.ask(DOWN, 'scale-1')
        assert written.wait(10)
        host.ask({**DOWN, 'offline_cpu': 2}, 'scale-2')
        polling.until(lambda: agent._mailbox._waiting is not None)
        slow.set()
        assert host.answer()[1] == 'scale-2'
    assert processors.shown() == '0-1,3'


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        ([], 'data is not an object'),
        ({**DOWN, 'version': 1}, 'version is not 2'),
        ({**DOWN, 'msg_type': 'bogus'}, 'msg_type is unknown'),
        ({'version': 2}, 'msg_type is unknown'),
        (
            {'version': 2, 'msg_type': 'scale_request', 'resource': 'cpu'},
            'resource or direction is missing',
        ),
    ],
)
def test_what_gets_no_answer(
    host, start, processors, data, said: str, caplog
) -> None:
    with fakes.running(start()):
        host.ask(data, 'scale-1')
        host.ask(UP, 'scale-2')
        assert host.answer()[1] == 'scale-2'
    assert said in caplog.text


def test_junk_on_the_socket_is_ignored(host, start, space) -> None:
    with fakes.running(start()) as _:
        polling.until(
            lambda: space.send(host.socket, b'\xff', 'cgcs.scale') is None
        )
        host.ask(UP)
        assert host.answer()[0]['online_cpu'] == 3


def test_parked_cpus_go_offline_before_a_request_is_served(
    host, start, processors
) -> None:
    asked = threading.Event()

    def at_boot() -> None:
        assert asked.wait(10)
        processors.take_offline(3)

    with fakes.running(start(at_boot=at_boot)):
        host.ask(DOWN)
        asked.set()
        assert host.answer()[0]['offline_cpu'] == 2


def test_a_failure_at_boot_does_not_stop_the_service(
    host, start, caplog
) -> None:
    def at_boot() -> None:
        raise RuntimeError('expected by the test')

    with fakes.running(start(at_boot=at_boot)):
        host.ask(DOWN)
        assert host.answer()[0]['result'] == 'success'
    assert 'Taking the parked CPUs offline failed' in caplog.text


def test_it_announces_what_is_online_once_it_serves(
    host, start, processors
) -> None:
    def at_boot() -> None:
        processors.take_offline(3)

    with fakes.running(start(at_boot=at_boot, announcer=announce.until_heard)):
        data, address = host.answer()
    assert address == 'cgcs.scale'
    assert messages.parse_ready(data) == {0, 1, 2}


def test_it_ends_while_it_boots(start) -> None:
    boot = threading.Event()
    with fakes.running(start(at_boot=lambda: boot.wait(10))):
        pass
    boot.set()


def test_it_ends_while_a_helper_runs(host, start, processors) -> None:
    application = Blocking(1)
    with fakes.running(start(application)):
        host.ask(DOWN)
        assert application.started.wait(10)
    assert application.killed.is_set()
    assert processors.writes == []


def test_it_waits_for_its_address(host, start, space) -> None:
    old = space.bind('cgcs.scale')
    with fakes.running(start()):
        old.close()
        host.ask(DOWN)
        assert host.answer()


def test_it_ends_while_it_waits_for_its_address(start, space) -> None:
    with space.bind('cgcs.scale'), fakes.running(start()):
        pass


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('timeout_ms', 10**400),
        ('timeout_ms', 10**303),
        ('timeout_ms', -(10**400)),
        ('offline_cpu', 10**400),
    ],
    ids=['400 digits', '303 digits', 'less than nothing', 'far too many'],
)
def test_a_huge_number_does_not_make_it_deaf(host, start, key, value) -> None:
    with fakes.running(start()):
        host.ask({**DOWN, key: value}, 'scale-1')
        assert host.answer()[1] == 'scale-1'
        host.ask(DOWN, 'scale-2')
        assert host.answer()[1] == 'scale-2'


@pytest.mark.parametrize('key', ['direction', 'resource'])
def test_an_answer_that_is_no_text_is_not_sent(
    host, start, key: str, caplog
) -> None:
    with fakes.running(start()):
        host.ask({**DOWN, key: '\ud800'}, 'scale-1')
        polling.until(lambda: 'gets no answer: the value is' in caplog.text)
        host.ask(DOWN, 'scale-2')
        assert host.answer()[1] == 'scale-2'


@pytest.mark.parametrize(
    ('defect', 'said'),
    [
        ('_note_nack', 'Cannot read: '),
        ('_serve', 'A scale request failed and gets no answer'),
    ],
)
def test_a_defect_is_logged_and_the_next_request_served(
    host, start, monkeypatch, defect: str, said: str, caplog
) -> None:
    agent = start()
    real = getattr(agent, defect)
    calls = []

    def fail_once(*args) -> None:
        calls.append(args)
        if len(calls) == 1:
            raise RuntimeError('expected by the test')
        real(*args)

    monkeypatch.setattr(agent, defect, fail_once)
    with fakes.running(agent):
        for _ in range(2):
            host.ask(messages.nack('x'), 'nobody')
            host.ask(DOWN)
            polling.until(lambda: said in caplog.text)
        assert host.answer()[0]['result'] == 'success'
    assert 'expected by the test' in caplog.text


@pytest.mark.filterwarnings(
    'ignore::pytest.PytestUnhandledThreadExceptionWarning'
)
def test_a_dead_receiver_ends_the_process_for_the_supervisor_to_see(
    host, start, monkeypatch
) -> None:
    """Not an agent that lives on and hears nobody."""
    agent = start()

    def fail(sock) -> None:
        raise SystemExit

    monkeypatch.setattr(agent, '_take', fail)
    with fakes.running(agent) as _:
        host.ask(DOWN)
        polling.until(lambda: agent._mailbox._closed)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root has other users')
def test_only_root_may_ask(host, start, processors, space, caplog) -> None:
    order = {**DOWN, 'offline_cpu': 1}
    datagram = header.to_guest_program(json.dumps(order), 'scale-1')
    target = space.path('cgcs.scale')[1:]
    with fakes.running(start()):
        polling.until(lambda: space.has('cgcs.scale'))
        subprocess.run(
            [sys.executable, '-c', fakes.STRANGER, target, datagram.decode()],
            check=True,
            timeout=30,
        )
        host.ask({**DOWN, 'offline_cpu': 2}, 'scale-2')
        assert host.answer()[1] == 'scale-2'
    assert processors.writes == [('cpu2', '0')]
    assert caplog.text.count('Ignored a message of the user') == 1
    assert 'user with ID 65534, and others' in caplog.text
    assert 'only root may ask to scale' in caplog.text
