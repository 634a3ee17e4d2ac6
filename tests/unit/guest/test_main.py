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
import pathlib
import signal
import subprocess
import sys

import pytest

from nova_ext.guest import build
from nova_ext.guest import main
from nova_ext.guest import offline
from tests.unit import polling


def test_the_name_of_the_call_is_the_program(monkeypatch) -> None:
    called: list[tuple[str, list[str]]] = []
    for name in main.PROGRAMS:
        monkeypatch.setitem(
            main.PROGRAMS,
            name,
            lambda args, name=name: called.append((name, args)) or 0,
        )
    main.main(['/usr/sbin/guest_agent', '7'])
    main.main(['guest.pyz', 'offline_cpus'])
    assert called == [('guest_agent', ['7']), ('offline_cpus', [])]


@pytest.mark.parametrize('argv', [[], ['guest.pyz'], ['x', 'y']])
def test_without_a_program_it_says_which_there_are(argv, capsys) -> None:
    assert main.main(argv) == 2
    assert 'guest_agent' in capsys.readouterr().err


@pytest.fixture
def quiet(monkeypatch) -> None:
    monkeypatch.setattr(main.logs, 'set_up', lambda *args: None)


def test_offline_cpus_tells_by_its_status(
    quiet, monkeypatch, processors
) -> None:
    monkeypatch.setattr(offline, 'fetch', lambda url: 'set([2])')
    args = ['offline_cpus', '--sysfs', str(processors.root)]
    assert main.main(args) == 0
    assert (processors.root / 'cpu2/online').read_text() == '0'
    monkeypatch.setattr(offline, 'fetch', lambda url: 'set([9])')
    assert main.main(args) == 255


@pytest.mark.parametrize('program', ['guest_agent', 'guest_scale_agent'])
def test_a_terminated_agent_ends_cleanly(
    program: str, tmp_path: pathlib.Path
) -> None:
    """A real process, with no port and CPUs of its own."""
    app = tmp_path / program
    build.zipapp(str(app), sys.executable)
    log = tmp_path / 'log'
    args = {
        'guest_agent': ['--port', str(tmp_path / 'port')],
        'guest_scale_agent': ['--sysfs', str(tmp_path)],
    }[program]
    with log.open('wb') as stream:
        process = subprocess.Popen(
            # A network namespace of its own has its own abstract names, and
            # no way to any metadata service.
            ['unshare', '-n', app, '7', *args],
            stderr=stream,
            env={'PATH': os.environ['PATH'], 'JOURNAL_STREAM': '1:1'},
        )
        said = {
            'guest_agent': 'this host gives the server no channel',
            'guest_scale_agent': 'Cannot take the parked CPUs offline',
        }[program]
        try:
            polling.until(
                lambda: said in log.read_text() or process.poll() is not None,
                60,
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()
    assert 'Traceback' not in log.read_text()
