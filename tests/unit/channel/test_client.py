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
import os
import socket
import threading
import time

import pytest

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.channel import local_protocol
from tests.unit.channel import fakes


def soon() -> float:
    return time.monotonic() + 10


class FakeDaemon:
    """Answers the first packet of each connection as it is told."""

    def __init__(self, folder, answer: bytes | None) -> None:
        self.path = str(folder / 'fake.sock')
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._answer = answer
        self.connection: socket.socket | None = None
        self.first = b''
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self.connection, _ = self._listener.accept()
        self.first = self.connection.recv(10000)
        if self._answer is None:
            self.connection.close()
        else:
            self.connection.send(self._answer)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()
        self.connection.close()


@pytest.fixture
def fake(folder, stack):
    def make(answer: bytes | None) -> FakeDaemon:
        made = FakeDaemon(folder, answer)
        stack.callback(made.close)
        return made

    return make


def test_the_first_packet_binds_and_later_ones_carry(fake) -> None:
    daemon = fake(local_protocol.bound_packet('scale-1'))
    with client.LocalProgram(daemon.path, 'scale-1') as program:
        assert daemon.first == b'{"version":2,"bind":"scale-1"}'
        program.send('instance-1', 'cgcs.scale', {'a': '/'})
        assert daemon.connection.recv(1000) == (
            b'{"version":2,"dest_instance":"instance-1",'
            b'"dest_addr":"cgcs.scale","data":{"a":"\\/"}}'
        )
        daemon.connection.send(
            b'{"data":[1],"version":2,"source_addr":"cgcs.scale",'
            b'"source_instance":"instance-1"}'
        )
        assert program.receive(soon()) == client.Received(
            'instance-1', 'cgcs.scale', [1]
        )


def test_no_daemon_is_told_with_the_path(folder) -> None:
    path = str(folder / 'nobody')
    with pytest.raises(exception.ChannelUnavailable) as caught:
        client.LocalProgram(path, 'scale-1')
    assert path in str(caught.value)
    assert 'No such file or directory' in str(caught.value)


def test_a_path_too_long_for_a_socket_is_told() -> None:
    with pytest.raises(exception.ChannelUnavailable, match='too long'):
        client.LocalProgram('/x' * 60, 'scale-1')


def test_a_taken_address_is_an_error_of_its_own(fake) -> None:
    daemon = fake(local_protocol.error_packet(local_protocol.ADDRESS_IN_USE))
    with pytest.raises(exception.AddressInUse, match='scale-1'):
        client.LocalProgram(daemon.path, 'scale-1')


@pytest.mark.parametrize(
    ('answer', 'said'),
    [
        (b'{"version":2,"error":"user 7 is not admitted"}', 'user 7 is not'),
        (b'{"version":1}', 'no bind answer'),
        (b'{"version":2}', 'no bind answer'),
        (b'junk', 'no bind answer'),
        (None, 'closed the connection'),
    ],
)
def test_a_refusal_is_told(fake, answer, said: str) -> None:
    with pytest.raises(exception.ChannelUnavailable, match=said):
        client.LocalProgram(fake(answer).path, 'scale-1')


def test_a_daemon_that_does_not_answer_is_told(folder, monkeypatch) -> None:
    monkeypatch.setattr(client, 'DAEMON_TIMEOUT', 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stuck:
        path = str(folder / 'stuck')
        stuck.bind(path)
        stuck.listen(1)
        with pytest.raises(exception.ChannelUnavailable, match='no answer w'):
            client.LocalProgram(path, 'scale-1')
        os.unlink(path)


@pytest.mark.parametrize('past', [0.0, -5.0])
def test_the_deadline_is_kept(start, program, past: float) -> None:
    start()
    waiting = program('scale-1')
    with pytest.raises(exception.ChannelTimeout, match='scale-1'):
        waiting.receive(time.monotonic() + past)
    with pytest.raises(exception.ChannelTimeout):
        waiting.receive(time.monotonic() + 0.05)


def test_a_packet_of_another_kind_is_passed_over(fake, caplog) -> None:
    daemon = fake(local_protocol.bound_packet('scale-1'))
    with client.LocalProgram(daemon.path, 'scale-1') as program:
        daemon.connection.send(b'\x1bjunk')
        daemon.connection.send(
            b'{"data":7,"version":2,"source_addr":"a","source_instance":"i"}'
        )
        assert program.receive(soon()).data == 7
    assert "b'\\x1bjunk'" in caplog.text


def test_packets_of_another_kind_fill_no_log(fake, caplog) -> None:
    daemon = fake(local_protocol.bound_packet('scale-1'))
    deep = b'{"data":%s%s,"version":2,"source_addr":"a"}'
    with client.LocalProgram(daemon.path, 'scale-1') as program:
        for _ in range(50):
            daemon.connection.send(deep % (b'[' * 40, b']' * 40))
            daemon.connection.send(
                b'{"data":7,"version":2,"source_addr":"a",'
                b'"source_instance":"i"}'
            )
            assert program.receive(soon()).data == 7
    said = [r for r in caplog.records if 'deeper than 31' in r.getMessage()]
    assert [r.name for r in said] == [client.__name__] * 5


@pytest.mark.parametrize('call', ['socket', 'dup'])
def test_a_host_short_of_files_is_told(fake, monkeypatch, call: str) -> None:
    daemon = fake(local_protocol.bound_packet('scale-1'))
    closed = []

    class Socket(socket.socket):
        def dup(self) -> socket.socket:
            raise OSError(errno.EMFILE, 'not this text')

        def close(self) -> None:
            closed.append(True)
            super().close()

    def refuse(*kind: int) -> socket.socket:
        raise OSError(errno.EMFILE, 'not this text')

    with monkeypatch.context() as patched:
        made = refuse if call == 'socket' else Socket
        patched.setattr(client, 'socket', _Module(made))
        with pytest.raises(
            exception.ChannelUnavailable, match='Too many open files'
        ):
            client.LocalProgram(daemon.path, 'scale-1')
    assert bool(closed) is (call == 'dup')
    if call == 'socket':
        # The fake waits for somebody.
        client.LocalProgram(daemon.path, 'scale-1').close()


class _Module:
    """The module socket with another way to make one."""

    def __init__(self, made) -> None:
        self.socket = made

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)


def test_a_daemon_that_is_gone_is_told_by_the_next_send(fake) -> None:
    daemon = fake(local_protocol.bound_packet('scale-1'))
    with client.LocalProgram(daemon.path, 'scale-1') as program:
        daemon.connection.close()
        with pytest.raises(exception.ChannelUnavailable, match='Broken pipe'):
            program.send('instance-1', 'cgcs.scale', {})


def test_the_end_of_the_program_frees_the_address(start, folder) -> None:
    start()
    path = str(folder / 'channel.sock')
    for _ in range(3):
        with client.LocalProgram(path, 'scale-1') as first:
            assert first.address == 'scale-1'
            with pytest.raises(exception.AddressInUse):
                client.LocalProgram(path, 'scale-1')


def test_many_threads_ask_at_once(start, qemu, folder) -> None:
    """One program for each request, as nova-compute does."""
    guest = qemu()
    start()
    results: list[object] = []

    def ask(number: int) -> None:
        path = str(folder / 'channel.sock')
        with client.LocalProgram(path, 'scale-%d' % number) as asker:
            asker.send(fakes.INSTANCE, 'cgcs.scale', {'n': number})
            results.append((number, asker.receive(soon()).data['n']))

    threads = [
        threading.Thread(target=ask, args=(number,)) for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        message = guest.message()
        guest.say(message.source_addr, message.payload)
    for thread in threads:
        thread.join(10)
    assert sorted(results) == [(number, number) for number in range(20)]
