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
import stat

import pytest

from nova_ext import exception
from nova_ext.channel import admission
from nova_ext.channel import client
from nova_ext.channel import local
from nova_ext.channel import local_protocol


@pytest.mark.parametrize('umask', [0, 0o022, 0o077])
def test_the_socket_is_for_user_and_group_only(
    start, folder, umask: int
) -> None:
    """Also where nothing has set the umask that the systemd unit sets."""
    old = os.umask(umask)
    try:
        start()
    finally:
        os.umask(old)
    mode = (folder / 'channel.sock').stat().st_mode
    assert stat.S_IMODE(mode) == 0o660


def test_the_socket_of_a_dead_daemon_is_replaced(start, folder) -> None:
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    dead.bind(str(folder / 'channel.sock'))
    dead.close()
    start()


def test_a_file_in_the_way_is_not_removed(folder) -> None:
    path = folder / 'channel.sock'
    path.write_text('precious')
    with pytest.raises(local.CannotServe, match='is not a socket: remove it'):
        local.listen(str(path))
    assert path.read_text() == 'precious'


def test_a_socket_of_another_kind_is_not_removed(folder) -> None:
    path = folder / 'channel.sock'
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        with pytest.raises(local.CannotServe, match='cannot be checked'):
            local.listen(str(path))


def test_a_missing_folder_is_an_error(folder) -> None:
    path = str(folder / 'no' / 'channel.sock')
    with pytest.raises(local.CannotServe, match=path + ' cannot be made: No'):
        local.listen(path)


def test_a_path_too_long_for_a_socket_is_an_error() -> None:
    with pytest.raises(local.CannotServe, match='path too long'):
        local.listen('/tmp' + '/x' * 60)


def test_a_user_who_is_not_admitted_is_told(
    start, folder, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(admission, 'peer_uid', lambda sock: 4711)
    start()
    with pytest.raises(
        exception.ChannelUnavailable, match='user 4711 is not admitted'
    ):
        client.LocalProgram(str(folder / 'channel.sock'), 'scale-1')
    assert 'Refused a local program: user 4711' in caplog.text


def test_running_out_of_descriptors_pauses_the_accepting(
    start, connect, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(local, '_ACCEPT_PAUSE', 0.01)
    server = start()
    real = server._local._socket

    class Exhausted:
        calls = 0

        def accept(self):
            self.calls += 1
            if self.calls < 3:
                raise OSError(errno.EMFILE, 'Too many open files')
            return real.accept()

        def __getattr__(self, name):
            return getattr(real, name)

    server._local._socket = Exhausted()
    sock = connect()
    sock.send(local_protocol.bind_packet('a'))
    assert b'"bound"' in sock.recv(1000)
    assert caplog.text.count('Too many open files') == 2
