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
"""Health and counters over HTTP, for monitoring programs of this host."""

from collections.abc import Callable
from collections.abc import Iterable
import socket
import socketserver
import threading
from typing import Any
import wsgiref.simple_server

from oslo_log import log as logging
import prometheus_client

from nova_ext.channel import local

LOG = logging.getLogger(__name__)

_TIMEOUT = 5.0
_LAST_PORT = 65535


class Health:
    """What is wrong at present, by what it concerns.

    :param names: what must be reported well before all is well.
    """

    def __init__(self, *names: str) -> None:
        self._lock = threading.Lock()
        self._problems: dict[str, str | None] = dict.fromkeys(
            names, 'not checked yet'
        )

    def report(self, name: str, problem: str | None) -> None:
        """Note a problem, or with None that there is none any more."""
        with self._lock:
            before = self._problems.get(name)
            self._problems[name] = problem
        if problem and problem != before:
            LOG.warning('%s: %s', name, problem)
        elif before and not problem:
            LOG.info('%s: all is well', name)

    def problems(self) -> list[str]:
        """Return the problems, each as a line of text."""
        with self._lock:
            return [
                '%s: %s' % (name, problem)
                for name, problem in sorted(self._problems.items())
                if problem
            ]


class Monitor:
    """Answers ``/health`` and ``/metrics`` from threads of its own.

    A context manager.

    :param where: ``<address>:<port>``, the path of a unix socket, or empty
        for nowhere.
    :raises OSError: the port cannot be had.
    :raises local.CannotServe: the path cannot be had.
    :raises ValueError: it is no such address.
    """

    def __init__(
        self,
        where: str,
        health: Health,
        registry: prometheus_client.CollectorRegistry,
    ) -> None:
        self._server: _Server | None = None
        if where:
            self._server = _server(where)
            self._server.set_app(_application(health, registry))
            threading.Thread(
                target=self._server.serve_forever, name='monitor', daemon=True
            ).start()

    @property
    def address(self) -> Any:
        """Where it listens; None for nowhere."""
        return self._server and self._server.socket.getsockname()

    def __enter__(self) -> 'Monitor':
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _application(
    health: Health, registry: prometheus_client.CollectorRegistry
) -> Callable[..., Iterable[bytes]]:
    metrics: Callable[..., Iterable[bytes]]
    metrics = prometheus_client.make_wsgi_app(registry)

    def application(environ: Any, start_response: Any) -> Any:
        path = environ.get('PATH_INFO', '')
        if path == '/metrics':
            return metrics(environ, start_response)
        if path == '/health':
            problems = health.problems()
            status = '503 Service Unavailable' if problems else '200 OK'
            text = '\n'.join(problems or ['ok'])
        else:
            status, text = '404 Not Found', 'wanted: /health or /metrics'
        start_response(status, [('Content-Type', 'text/plain; charset=utf-8')])
        return [text.encode('utf-8') + b'\n']

    return application


class _Handler(wsgiref.simple_server.WSGIRequestHandler):
    timeout = _TIMEOUT

    def address_string(self) -> str:
        return 'local'

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class _UnixServer(_Server):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.close()
        self.socket = local.listen(
            str(self.server_address), socket.SOCK_STREAM, '[nova_ext_groups]'
        )
        self.server_name = 'localhost'
        self.server_port = 0
        self.setup_environ()

    def get_request(self) -> Any:
        # wsgiref wants an address of two parts.
        connection, _ = super().get_request()
        return connection, ('local', 0)


def _server(where: str) -> _Server:
    if where.startswith('/'):
        # The types of wsgiref know addresses of two parts only.
        return _UnixServer(where, _Handler)  # type: ignore[arg-type]
    address, colon, port = where.rpartition(':')
    if not colon or not port.isdecimal() or int(port) > _LAST_PORT:
        raise ValueError(
            'wanted <address>:<port> or the absolute path of a unix socket'
        )
    return _Server((address, int(port)), _Handler)
