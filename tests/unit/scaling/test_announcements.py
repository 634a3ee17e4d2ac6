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
"""What scale agents announce is heard, whenever the daemon is there."""

import json
import queue
import socket
from unittest import mock

from oslo_log import log as logging
import pytest

from nova_ext.channel import listener
from nova_ext.scaling import announcements
from nova_ext.wire import messages
from tests.unit import polling


class Daemon:
    """A channel daemon that says what the test wants."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(path)
        self._socket.listen()
        self._socket.settimeout(10)

    def accept(self, answer: str = 'bound') -> socket.socket:
        program, _ = self._socket.accept()
        program.settimeout(10)
        address = json.loads(program.recv(65536))['bind']
        assert address == 'cgcs.scale'
        program.send(json.dumps({'version': 2, answer: address}).encode())
        return program

    def close(self) -> None:
        self._socket.close()


def say(program: socket.socket, instance: str, data: object) -> None:
    fields = {
        'data': data,
        'version': 2,
        'source_addr': 'cgcs.scale',
        'source_instance': instance,
    }
    program.send(json.dumps(fields).encode())


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / 'channel.sock')


@pytest.fixture
def log(monkeypatch):
    """Return what the module logs to; other tests set up the real ones."""
    found = mock.Mock()
    monkeypatch.setattr(
        announcements, 'LOG', logging.KeywordArgumentAdapter(found, {})
    )
    return found.log


@pytest.fixture
def heard(path, monkeypatch, log):
    """Return the announcements that a running listener has heard."""
    monkeypatch.setattr(listener, '_FIRST_PAUSE', 0.01)
    monkeypatch.setattr(listener, '_PATIENCE', 0.05)
    found: queue.Queue = queue.Queue()

    def take(instance: str, online: frozenset[int]) -> None:
        if instance == 'instance-bad':
            raise RuntimeError('expected by the test')
        found.put((instance, online))

    made = announcements.Announcements(path, take)
    made.start()
    yield found
    made.stop()
    assert not made._listener._thread.is_alive()


def test_an_announcement_is_heard(path, heard):
    daemon = Daemon(path)
    with daemon.accept() as program:
        say(program, 'instance-1', messages.ready([0, 1]))
        assert heard.get(timeout=10) == ('instance-1', {0, 1})
    daemon.close()


def test_a_daemon_that_comes_later_and_again(path, heard, log):
    polling.until(lambda: log.called)
    daemon = Daemon(path)
    daemon.accept().close()
    with daemon.accept() as program:
        say(program, 'instance-1', messages.ready([0]))
        assert heard.get(timeout=10) == ('instance-1', {0})
    daemon.close()
    missing = [
        call.args[2]
        for call in log.call_args_list
        if 'No such file' in call.args[2]
    ]
    assert len(missing) == 1


def test_an_address_in_use_is_asked_for_again(path, heard):
    daemon = Daemon(path)
    daemon.accept('error').close()
    with daemon.accept() as program:
        say(program, 'instance-1', messages.ready([0]))
        assert heard.get(timeout=10)
    daemon.close()


def test_junk_is_ignored_and_does_not_flood_the_log(path, heard, log):
    daemon = Daemon(path)
    with daemon.accept() as program:
        for _ in range(50):
            say(program, 'instance-1', {'version': 2, 'msg_type': 'junk'})
        say(program, 'instance-2', messages.ready([0]))
        assert heard.get(timeout=10) == ('instance-2', {0})
    daemon.close()
    ignored = [
        call
        for call in log.call_args_list
        if 'ignored what its guest announced' in call.args[1]
    ]
    assert 0 < len(ignored) <= 5


def test_one_that_cannot_be_handled_ends_no_connection(path, heard):
    daemon = Daemon(path)
    with daemon.accept() as program:
        say(program, 'instance-bad', messages.ready([0]))
        say(program, 'instance-1', messages.ready([0]))
        assert heard.get(timeout=10) == ('instance-1', {0})
    daemon.close()


def test_one_that_was_never_started_stops(path):
    announcements.Announcements(path, lambda *args: None).stop()
