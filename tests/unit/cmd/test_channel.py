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
import os
import resource
import signal
import subprocess
import sys

from nova_ext import exception
from nova_ext.channel import client
from tests.unit import polling
from tests.unit.channel import fakes
from tests.unit.channel.conftest import folder

__all__ = ['folder']


def write_config(folder, local_socket: str | None = None) -> str:
    path = folder / 'nova-ext.conf'
    path.write_text(
        '[nova_ext_channel]\n'
        'guest_socket_dir = %s\n'
        'local_socket = %s\n'
        'monitor = %s\n'
        % (
            folder,
            local_socket or folder / 'channel.sock',
            folder / 'status.sock',
        )
    )
    return str(path)


def test_the_program_serves_and_ends_cleanly(folder) -> None:
    """The real process, with a guest, until SIGTERM."""
    guest = fakes.FakeQemu(folder)
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', 'nova_ext.cmd.channel'),
            *('--config-file', write_config(folder)),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    path = str(folder / 'channel.sock')
    try:
        polling.until(lambda: os.path.exists(path) or process.poll(), 60)
        with _connected(path) as program:
            program.send(guest.instance, 'a', {'n': 1})
            assert guest.message().payload == '{"n":1}'
        assert (
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            == (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
        )
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert 'Traceback' not in errors
        assert not os.path.exists(path)
    finally:
        process.kill()
        process.wait()
        guest.close()


def _connected(path: str) -> client.LocalProgram:
    """The socket's file is there a moment before it is listened to."""
    found: list[client.LocalProgram] = []

    def attempt() -> bool:
        try:
            found.append(client.LocalProgram(path, 'scale-1'))
        except exception.ChannelUnavailable:
            return False
        return True

    polling.until(attempt)
    return found[0]


def refused(config: str) -> str:
    """Return what the program says when it does not start."""
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'nova_ext.cmd.channel',
            '--config-file',
            config,
        ],
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'Traceback' not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_does_not_start_beside_another(folder) -> None:
    config = write_config(folder)
    with fakes.running(fakes.settings(folder)):
        said = refused(config)
    assert 'Cannot start: Another process serves' in said


def test_it_says_why_it_cannot_start(folder) -> None:
    path = str(folder / 'missing' / 'channel.sock')
    said = refused(write_config(folder, path))
    assert path + ' cannot be made: No such file or directory' in said
    assert 'set another path in [nova_ext_channel]' in said
