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
"""A placement service for one provider, on a free port of the loopback."""

from collections.abc import Iterator
import contextlib
import http.server
import json
import threading
from typing import Any

UUID = '4e8e5957-649f-477b-9e5b-f1f75b21c03c'
PATH = '/resource_providers/%s/traits' % UUID


class Service:
    """What it holds, and what it was asked.

    :ivar faults: ``(method, path)`` -> status and body to answer instead;
        each is used once.
    """

    def __init__(self) -> None:
        self.traits = ['HW_CPU_X86_VMX']
        self.known = {'HW_CPU_X86_VMX'}
        self.generation = 7
        self.asked: list[tuple[str, str]] = []
        self.microversions: set[str | None] = set()
        self.faults: dict[tuple[str, str], tuple[int, Any]] = {}
        self.port = 0

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path))
        if (method, path) in self.faults:
            return self.faults.pop((method, path))
        if (method, path) == ('GET', PATH):
            return 200, self._shown()
        if (method, path) == ('PUT', PATH):
            return self._set(body)
        if method == 'PUT' and path.startswith('/traits/'):
            self.known.add(path.removeprefix('/traits/'))
            return 201, None
        return 404, {'errors': [{'title': 'Not Found'}]}

    def _set(self, body: Any) -> tuple[int, Any]:
        if body['resource_provider_generation'] != self.generation:
            return 409, {'errors': [{'title': 'Conflict'}]}
        assert set(body['traits']) <= self.known
        self.traits = body['traits']
        self.generation += 1
        return 200, self._shown()

    def _shown(self) -> dict[str, Any]:
        return {
            'traits': self.traits,
            'resource_provider_generation': self.generation,
        }


@contextlib.contextmanager
def serve() -> Iterator[Service]:
    """Run the service."""
    service = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get('Content-Length') or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            service.microversions.add(self.headers['OpenStack-API-Version'])
            status, answer = service.answer(self.command, self.path, body)
            data = b'' if answer is None else _encoded(answer)
            self.send_response(status)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = _do

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        service.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def _encoded(answer: Any) -> bytes:
    if isinstance(answer, str):
        return answer.encode()
    return json.dumps(answer).encode()
