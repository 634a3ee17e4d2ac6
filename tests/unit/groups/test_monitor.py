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
import http.client
import os
import pathlib
import socket
import stat

import pytest

from nova_ext.channel import local
from nova_ext.groups import metrics
from nova_ext.groups import monitor

REGISTRY = metrics.ServiceMetrics().registry


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__('localhost', timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    connection.request('GET', path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def over_tcp(made: monitor.Monitor) -> http.client.HTTPConnection:
    address, port = made.address
    return http.client.HTTPConnection(address, port, timeout=10)


def test_health() -> None:
    health = monitor.Health('bus', 'records')
    with monitor.Monitor('127.0.0.1:0', health, REGISTRY) as made:
        assert get(over_tcp(made), '/health') == (
            503,
            'bus: not checked yet\nrecords: not checked yet\n',
        )
        health.report('bus', None)
        health.report('records', 'no database')
        assert get(over_tcp(made), '/health') == (
            503,
            'records: no database\n',
        )
        health.report('records', None)
        assert get(over_tcp(made), '/health') == (200, 'ok\n')


def test_metrics_and_other_paths() -> None:
    with monitor.Monitor('127.0.0.1:0', monitor.Health(), REGISTRY) as made:
        status, text = get(over_tcp(made), '/metrics')
        assert status == 200
        assert '# TYPE nova_ext_groups_lost_total counter' in text
        assert get(over_tcp(made), '/other')[0] == 404


def test_a_unix_socket_in_place_of_a_dead_one(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / 'monitor.sock')
    for _ in range(2):
        with monitor.Monitor(path, monitor.Health(), REGISTRY):
            assert get(UnixConnection(path), '/health') == (200, 'ok\n')
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o660


def test_the_socket_of_a_living_process_is_kept(
    tmp_path: pathlib.Path,
) -> None:
    path = str(tmp_path / 'monitor.sock')
    with monitor.Monitor(path, monitor.Health(), REGISTRY):
        with pytest.raises(local.CannotServe, match='Another process serves'):
            monitor.Monitor(path, monitor.Health('bus'), REGISTRY)
        assert get(UnixConnection(path), '/health') == (200, 'ok\n')


def test_a_file_that_is_no_socket_is_kept(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'notes'
    path.write_text('dear')
    wanted = r'remove it, or set another path in \[nova_ext_groups\]'
    with pytest.raises(local.CannotServe, match=wanted):
        monitor.Monitor(str(path), monitor.Health(), REGISTRY)
    assert path.read_text() == 'dear'


def test_nowhere() -> None:
    with monitor.Monitor('', monitor.Health(), REGISTRY) as made:
        assert made.address is None


def test_a_client_that_says_nothing_keeps_nobody_waiting() -> None:
    with monitor.Monitor('127.0.0.1:0', monitor.Health(), REGISTRY) as made:
        with socket.create_connection(made.address, 10):
            assert get(over_tcp(made), '/health') == (200, 'ok\n')


@pytest.mark.parametrize(
    'where',
    ['localhost', '9100', 'monitor.sock', '127.0.0.1:', '127.0.0.1:http']
    + ['127.0.0.1:-1', '127.0.0.1:65536'],
)
def test_what_is_no_address_is_told(where: str) -> None:
    with pytest.raises(ValueError, match='wanted <address>:<port> or the abs'):
        monitor.Monitor(where, monitor.Health(), REGISTRY)
