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
import gzip
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from nova_ext.guest import build

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def app(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / 'guest.pyz'
    assert build.main([str(path), '--interpreter', sys.executable]) == 0
    return path


def call(path: pathlib.Path, *args: str) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(
        [path, *args],
        cwd='/',
        timeout=60,
        capture_output=True,
        text=True,
        env={'PATH': os.environ['PATH'], 'PYTHONSAFEPATH': '1'},
    )


def test_the_zipapp_has_what_a_guest_needs_and_no_more(app) -> None:
    with zipfile.ZipFile(app) as archive:
        names = set(archive.namelist())
    assert {name.split('/')[1] for name in names if '/' in name} == {
        '__init__.py',
        'cpuset.py',
        'wire',
        'guest',
    }
    for name in ('build', 'cloud_init', 'debian', 'install'):
        assert 'nova_ext/guest/%s.py' % name not in names
    assert not any('__pycache__' in name for name in names)


@pytest.mark.parametrize(
    'program',
    ['guest_agent', 'guest_scale_agent', 'offline_cpus', 'server_group_app'],
)
def test_it_runs_by_name_and_by_argument(
    app, program: str, tmp_path: pathlib.Path
) -> None:
    link = tmp_path / program
    link.symlink_to(app)
    for done in (call(link, '--help'), call(app, program, '--help')):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith('usage: ' + program)


def test_without_a_program_it_names_them(app) -> None:
    done = call(app)
    assert done.returncode == 2
    assert 'guest_agent, guest_scale_agent, offline_cpus' in done.stderr


def test_the_same_sources_give_the_same_bytes(tmp_path) -> None:
    first, second = tmp_path / '1.pyz', tmp_path / '2.pyz'
    build.zipapp(str(first))
    build.zipapp(str(second))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b'#!/usr/bin/env python3\n')


def test_the_command_writes_a_whole_tree(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'nova_ext.guest.build', '--root', tmp_path],
        cwd=CHECKOUT,
        timeout=60,
    )
    assert done.returncode == 0
    assert os.access(tmp_path / 'usr/lib/nova-ext/guest.pyz', os.X_OK)
    assert os.path.lexists(tmp_path / 'usr/sbin/guest_agent')


def test_a_failure_is_told_without_a_traceback(tmp_path, capsys) -> None:
    assert build.main([str(tmp_path / 'no' / 'folder.pyz')]) == 1
    assert 'No such file or directory' in capsys.readouterr().err
    assert build.main(['--root', str(tmp_path), '--files', '/no']) == 1
    assert '/no' in capsys.readouterr().err


def test_the_modules_can_be_imported_from_the_zipapp(app) -> None:
    code = (
        'from nova_ext.guest import guest_host_msg, server_group; '
        'print(server_group.__file__, server_group.MAX_TEXT)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd='/',
        env={'PYTHONPATH': str(app)},
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout == '%s/nova_ext/guest/server_group.py 3050\n' % app


def test_the_package_and_the_user_data_are_written(tmp_path, capsys) -> None:
    text, packed = tmp_path / 'user-data', tmp_path / 'user-data.gz'
    assert build.main(['--cloud-init', str(text)]) == 0
    assert build.main(['--cloud-init', str(packed)]) == 0
    assert gzip.decompress(packed.read_bytes()) == text.read_bytes()
    command = ['--deb', str(tmp_path), '--package-version', '1.2.dev3']
    assert build.main(command) == 0
    path = capsys.readouterr().out.strip()
    assert path == str(tmp_path / 'nova-ext-guest_1.2~dev3_all.deb')
    assert os.path.getsize(path)


def test_a_package_that_cannot_be_built_is_told(
    tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv('PATH', '/nonexistent')
    assert build.main(['--deb', str(tmp_path)]) == 1
    assert 'install the package dpkg' in capsys.readouterr().err
