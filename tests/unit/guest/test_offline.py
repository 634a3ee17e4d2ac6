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
from collections.abc import Iterator
import contextlib
import http.server
import socket
import threading

import pytest

from nova_ext.guest import offline

Reply = tuple[int, bytes] | None


@contextlib.contextmanager
def service(*replies: Reply) -> Iterator[tuple[str, list[str]]]:
    """Serve these replies one after the other; None drops the connection."""
    waiting = list(replies)
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            reply = waiting.pop(0)
            if reply is None:
                return
            self.send_response(reply[0])
            self.send_header('Content-Length', str(len(reply[1])))
            self.end_headers()
            self.wfile.write(reply[1])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield (
            'http://127.0.0.1:%d/latest/meta-data/offline_cpuset'
            % server.server_port,
            asked,
        )
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.mark.parametrize(
    ('text', 'numbers'),
    [
        ('set([])', []),
        ('set()', []),
        ('set([1, 2, 3])', [1, 2, 3]),
        ('{1, 2}', [1, 2]),
        ('[10,2]\n', [10, 2]),
        ('', []),
        ('9' * 5000, [999999999]),
    ],
)
def test_every_number_of_the_text_counts(text: str, numbers) -> None:
    assert offline.parse(text) == numbers


def test_the_captured_path_is_asked_and_the_cpus_go_offline(
    processors,
) -> None:
    with service((200, b'set([1, 3])')) as (url, asked):
        assert offline.run(processors, url) == [1, 3]
    assert asked == ['/latest/meta-data/offline_cpuset']
    assert offline.URL.endswith(asked[0])
    assert processors.shown() == '0,2'


def test_nothing_is_brought_online(processors) -> None:
    processors.reset('0')
    with service((200, b'set([3])')) as (url, _):
        offline.run(processors, url)
    assert processors.writes == []


def test_it_asks_three_times(processors) -> None:
    with service((500, b''), None, (200, b'set([2])')) as (url, asked):
        assert offline.run(processors, url) == [2]
    assert len(asked) == 3


def test_the_third_failure_is_the_last(processors) -> None:
    with service((404, b''), (404, b''), (404, b'')) as (url, asked):
        with pytest.raises(offline.OfflineError, match='in 3 attempts.*404'):
            offline.run(processors, url)
    assert len(asked) == 3


def test_nobody_answers(processors) -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        url = 'http://127.0.0.1:%d/x' % taken.getsockname()[1]
        with pytest.raises(offline.OfflineError, match='Connection refused'):
            offline.run(processors, url)


def test_the_first_cpu_that_stays_on_is_the_end(processors) -> None:
    with service((200, b'set([1, 9, 2])')) as (url, _):
        with pytest.raises(offline.OfflineError, match='set cpu 9 offline'):
            offline.run(processors, url)
    assert processors.shown() == '0,2-3'


def test_a_proxy_is_never_asked(processors, monkeypatch) -> None:
    monkeypatch.setenv('http_proxy', 'http://127.0.0.1:1')
    with service((200, b'set([1])')) as (url, _):
        assert offline.run(processors, url) == [1]
