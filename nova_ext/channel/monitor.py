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
"""Answers HTTP requests for health and counts, within the daemon's loop.

Enough of HTTP for curl and Prometheus: GET, one request a connection. It is
for the operator: the socket is a unix socket with mode 0660, or a port of the
loopback interface.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import http
import ipaddress
import os
import socket

from nova_ext.channel import local
from nova_ext.channel import loop as loop_module

#: Longest request, seconds until its answer must be read, and connections.
_LONGEST = 8192
_TIMEOUT = 10.0
_MOST = 8
#: Seconds without accepting after that failed.
_PAUSE = 1.0


@dataclasses.dataclass(frozen=True)
class Page:
    """An answer, whose body may come in pieces."""

    status: http.HTTPStatus
    content_type: str
    body: Iterable[bytes]


#: Returns the page of a path, or None.
Pages = Callable[[str], Page | None]


def listen(where: str) -> socket.socket:
    """Return a listening socket.

    :param where: an absolute path, or a loopback address and port.
    :raises ValueError: it is neither.
    :raises local.CannotServe: the path cannot be had.
    :raises OSError: the port cannot be had.
    """
    if where.startswith('/'):
        return local.listen(where, socket.SOCK_STREAM)
    host, _, port = where.rpartition(':')
    host = host.strip('[]')
    try:
        address = ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        address, number = None, 0
    if address is None or not address.is_loopback:
        raise ValueError(
            '[nova_ext_channel]monitor is %s: wanted the absolute path '
            'of a unix socket, or a loopback address and port such as '
            '127.0.0.1:9900.' % where
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, number))
        sock.listen(_MOST)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


class Monitor:
    """Serves pages.

    :param where: see `listen`, also for what is raised.
    """

    def __init__(
        self, where: str, loop: loop_module.Loop, pages: Pages
    ) -> None:
        self._loop = loop
        self._pages = pages
        self._path = where if where.startswith('/') else None
        self._socket = listen(where)
        self._requests: set[_Request] = set()
        loop.watch(self._socket.fileno(), loop_module.READ, self)

    @property
    def address(self) -> object:
        """Where it listens, as the socket tells."""
        return self._socket.getsockname()

    def on_ready(self, events: int) -> None:
        """Accept a connection."""
        try:
            sock, _ = self._socket.accept()
        except BlockingIOError:
            return
        except OSError:
            # Mostly for want of files: until there are, it would be told of
            # the connection for ever.
            self._loop.change(self._socket.fileno(), 0)
            self._loop.call_later(_PAUSE, self._accept_again)
            return
        if len(self._requests) >= _MOST:
            sock.close()
            return
        sock.setblocking(False)
        self._requests.add(
            _Request(sock, self._loop, self._pages, self._requests.discard)
        )

    def _accept_again(self) -> None:
        self._loop.change(self._socket.fileno(), loop_module.READ)

    def on_failure(self) -> None:
        """Go on: the next request may be another."""

    def close(self) -> None:
        """Close all, and remove the file."""
        for request in list(self._requests):
            request.close()
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        if self._path is not None:
            try:
                os.unlink(self._path)
            except FileNotFoundError:
                pass


class _Request:
    """One connection: reads a request, writes its answer, ends."""

    def __init__(
        self,
        sock: socket.socket,
        loop: loop_module.Loop,
        pages: Pages,
        ended: Callable[['_Request'], None],
    ) -> None:
        self._socket = sock
        self._loop = loop
        self._pages = pages
        self._ended = ended
        self._got = b''
        self._pieces: Iterator[bytes] = iter(())
        self._rest = b''
        self._closed = False
        loop.watch(sock.fileno(), loop_module.READ, self)
        loop.call_later(_TIMEOUT, self.close)

    def on_ready(self, events: int) -> None:
        """Read a piece of the request, or write one of the answer."""
        try:
            if events & loop_module.WRITE:
                self._write()
            elif events & loop_module.READ:
                self._read()
            else:
                self.close()
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def on_failure(self) -> None:
        """End it after an error of our own."""
        self.close()

    def _read(self) -> None:
        chunk = self._socket.recv(_LONGEST)
        self._got += chunk
        if b'\r\n\r\n' in self._got or b'\n\n' in self._got:
            self._pieces = _answer(self._got, self._pages)
            self._loop.change(self._socket.fileno(), loop_module.WRITE)
        elif not chunk or len(self._got) > _LONGEST:
            self.close()

    def _write(self) -> None:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                self.close()
                return
            self._rest = piece
        self._rest = self._rest[self._socket.send(self._rest) :]

    def close(self) -> None:
        """End the connection."""
        if not self._closed:
            self._closed = True
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._ended(self)


def _answer(request: bytes, pages: Pages) -> Iterator[bytes]:
    words = request.split(b'\r\n', 1)[0].decode('latin-1').split()
    if len(words) != 3 or not words[2].startswith('HTTP/'):
        page = _plain(http.HTTPStatus.BAD_REQUEST)
    elif words[0] != 'GET':
        page = _plain(http.HTTPStatus.METHOD_NOT_ALLOWED)
    else:
        page = pages(words[1].partition('?')[0]) or _plain(
            http.HTTPStatus.NOT_FOUND
        )
    head = (
        'HTTP/1.0 %d %s\r\nContent-Type: %s\r\nConnection: close\r\n\r\n'
        % (page.status, page.status.phrase, page.content_type)
    )
    yield head.encode('ascii')
    yield from page.body


def _plain(status: http.HTTPStatus) -> Page:
    body = (status.phrase + '\n').encode('ascii')
    return Page(status, 'text/plain', [body])
