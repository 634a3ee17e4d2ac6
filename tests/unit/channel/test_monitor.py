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
import http
import socket
import stat
import threading

import pytest

from nova_ext.channel import loop
from nova_ext.channel import monitor
from tests.unit.channel import fakes


def pages(path: str) -> monitor.Page | None:
    if path == '/fail':
        raise RuntimeError('expected by the test')
    if path != '/page':
        return None
    body = [b'x' * 100000] * 20
    return monitor.Page(http.HTTPStatus.OK, 'text/plain', body)


@pytest.fixture
def serve(folder, stack):
    """Return a function that serves at an address until the test's end."""

    def make(where: str) -> monitor.Monitor:
        made = loop.Loop()
        server = monitor.Monitor(where, made, pages)
        thread = threading.Thread(target=made.run)
        thread.start()
        stack.callback(made.close)
        stack.callback(server.close)
        stack.callback(thread.join, 10)
        stack.callback(made.stop)
        return server

    return make


def ask(path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return sock.makefile('rb').read()


def test_a_request_waits_where_files_are_short(
    serve, folder, monkeypatch, caplog
) -> None:
    """It is not tried again without a pause: nothing is busy with it."""
    server = serve(str(folder / 's'))
    monkeypatch.setattr(monitor, '_PAUSE', 0.05)
    real, tried = server._socket, []

    class Short:
        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def accept(self) -> object:
            tried.append(True)
            if len(tried) < 3:
                raise OSError(errno.EMFILE, 'Too many open files')
            return real.accept()

    monkeypatch.setattr(server, '_socket', Short())
    assert fakes.get(folder / 's', '/page')[0] == 200
    assert len(tried) == 3


def test_a_long_page_comes_whole(serve, folder) -> None:
    serve(str(folder / 's'))
    found, body = fakes.get(folder / 's', '/page?query')
    assert (found, len(body)) == (200, 2000000)


@pytest.mark.parametrize(
    ('request_', 'code'),
    [
        (b'GET /other HTTP/1.1\r\n\r\n', 404),
        (b'POST /page HTTP/1.1\r\n\r\n', 405),
        (b'GET /page\r\n\r\n', 400),
        (b'\x00\xff\r\n\r\n', 400),
    ],
)
def test_a_request_that_is_not_served(
    serve, folder, request_: bytes, code: int
) -> None:
    serve(str(folder / 's'))
    assert ask(folder / 's', request_).startswith(b'HTTP/1.0 %d' % code)


@pytest.mark.parametrize(
    'request_',
    [b'', b'GET /page', b'x' * 9000, b'GET /fail HTTP/1.1\r\n\r\n'],
    ids=['empty', 'half', 'long', 'fault'],
)
def test_a_bad_connection_ends_alone(
    serve, folder, request_: bytes, caplog
) -> None:
    serve(str(folder / 's'))
    try:
        assert ask(folder / 's', request_) == b''
    except ConnectionError:
        pass
    assert fakes.get(folder / 's', '/page')[0] == 200


def test_a_silent_connection_ends_in_time(serve, folder, monkeypatch) -> None:
    monkeypatch.setattr(monitor, '_TIMEOUT', 0.01)
    serve(str(folder / 's'))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(folder / 's'))
        assert sock.recv(1) == b''


def test_connections_are_bounded(serve, folder, stack) -> None:
    server = serve(str(folder / 's'))
    for _ in range(monitor._MOST):
        sock = stack.enter_context(socket.socket(socket.AF_UNIX))
        sock.connect(str(folder / 's'))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(folder / 's'))
        assert sock.recv(1) == b''
    assert len(server._requests) == monitor._MOST


def test_the_unix_socket_is_for_user_and_group_only(serve, folder) -> None:
    serve(str(folder / 's'))
    assert stat.S_IMODE((folder / 's').stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize('host', ['127.0.0.1', '[::1]'])
def test_a_loopback_port(serve, host: str) -> None:
    server = serve(host + ':0')
    with socket.create_connection(server.address[:2], timeout=10) as sock:
        sock.sendall(b'GET /page HTTP/1.0\r\n\r\n')
        assert sock.recv(15) == b'HTTP/1.0 200 OK'


@pytest.mark.parametrize(
    'where', ['0.0.0.0:80', '10.0.0.1:80', 'localhost', '80', 'x:y', '::1:z']
)
def test_another_address_is_refused(where: str) -> None:
    with pytest.raises(ValueError, match='wanted the absolute path'):
        monitor.listen(where)
