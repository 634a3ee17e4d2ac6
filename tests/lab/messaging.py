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
"""Server-group messaging: the service, the relay, and what they answer."""

import http.client
import pathlib
import re
import socket

from tests.lab import ini
from tests.lab import layout
from tests.lab import nova
from tests.lab import supervisor

SERVICE = 'nova-ext-groups'
RELAY = 'nova-ext-groups-relay'

_OPTIONS = {SERVICE: 'service_monitor', RELAY: 'relay_monitor'}
_COUNTER = re.compile(r'^(\w+_total)(?:\{(.*)\})? ([0-9.e+]+)$', re.MULTILINE)


def section() -> ini.Sections:
    """What nova.conf says of it."""
    return {
        'nova_ext_groups': {
            # So that readiness is known soon.
            'check_interval': 2,
            'message_lifetime': 20,
            **{_OPTIONS[name]: _monitor(name) for name in _OPTIONS},
        }
    }


def program(paths: layout.Layout, name: str) -> supervisor.Service:
    """One of the two programs."""
    (paths.run / nova.CHANNEL_SOCKET.parent.name).mkdir(exist_ok=True)
    return supervisor.Service(
        name=name,
        arguments=(
            paths.program('nova', name),
            '--config-file',
            nova.configuration_file(paths),
        ),
        ready=lambda: ask(paths, name, '/health')[0] == 200,
        timeout=60,
    )


def ask(paths: layout.Layout, name: str, path: str) -> tuple[int, str]:
    """Ask a program over HTTP; status 0 when it does not answer."""
    connection = _Connection(paths.run / _monitor(name).relative_to('/run'))
    try:
        connection.request('GET', path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ''
    finally:
        connection.close()


def counters(paths: layout.Layout, name: str) -> dict[str, float]:
    """The counters of a program: ``name{labels}`` to value."""
    _, text = ask(paths, name, '/metrics')
    return {
        f'{counter}{{{labels}}}': float(value)
        for counter, labels, value in _COUNTER.findall(text)
    }


def _monitor(name: str) -> pathlib.Path:
    return nova.CHANNEL_SOCKET.parent / f'{name}.sock'


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: pathlib.Path) -> None:
        super().__init__('localhost', timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
