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
import json
import signal
import socket
import subprocess
import sys

from oslo_config import cfg

from nova_ext.cmd import groups_relay
from nova_ext.cmd import groups_run
from nova_ext.conf import CONF
from nova_ext.groups import relay_process
from nova_ext.wire import server_group
from tests.unit import polling
from tests.unit.channel import fakes
from tests.unit.channel.conftest import folder

__all__ = ['folder']


def test_the_program_serves_and_ends_cleanly(folder) -> None:
    """The real process, a guest, and no message bus at all."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    path = folder / 'nova.conf'
    path.write_text(
        '[DEFAULT]\n'
        'host = host1\n'
        # As the unit overrides it.
        'log_dir = /nowhere\n'
        # Nothing listens on the discard port.
        'transport_url = rabbit://u:p@127.0.0.1:9/\n'
        '[nova_ext_channel]\n'
        'local_socket = %s\n'
        '[nova_ext_groups]\n'
        'relay_monitor = 127.0.0.1:%d\n' % (folder / 'channel.sock', port)
    )
    guest = fakes.FakeQemu(folder)
    with fakes.running(fakes.settings(folder)):
        process = subprocess.Popen(
            [
                *(sys.executable, '-m', 'nova_ext.cmd.groups_relay'),
                *('--config-file', str(path), '--log-dir=', '--log-file='),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            polling.until(lambda: _has_bound(port), 60)
            guest.say(server_group.ADDRESS, '{"version":2,"msg_type":"bogus"}')
            answer = json.loads(guest.message().payload)
            assert answer['msg_type'] == server_group.NACK
            assert (_health(port) or (0, ''))[0] == 503
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait(10)
            guest.close()
    assert process.returncode == 0, output
    assert 'Traceback' not in output
    assert 'guest channel: all is well' in output


def _has_bound(port: int) -> bool:
    answer = _health(port)
    return answer is not None and 'guest channel' not in answer[1]


def _health(port: int) -> 'tuple[int, str] | None':
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    try:
        connection.request('GET', '/health')
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return None
    finally:
        connection.close()


def test_oslo_messaging_finds_its_options(folder, monkeypatch) -> None:
    """Its newer releases read some from the process-wide ones alone."""
    path = folder / 'nova.conf'
    path.write_text('[DEFAULT]\ntransport_url = fake:/\nhost = host7\n')
    made = []

    def relay(conf: object, host: str) -> object:
        made.append((conf, host))
        return None

    monkeypatch.setattr(relay_process, 'RelayProcess', relay)
    monkeypatch.setattr(groups_run, 'until_signalled', lambda *_: 0)
    monkeypatch.setattr(groups_relay.logging, 'setup', lambda *_: None)
    try:
        assert groups_relay.main(['--config-file', str(path)]) == 0
        assert made == [(cfg.CONF, 'host7')]
    finally:
        CONF.reset()
