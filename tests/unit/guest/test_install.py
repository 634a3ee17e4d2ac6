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
import configparser
import json
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from nova_ext.guest import hooks
from nova_ext.guest import install
from nova_ext.guest import main

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
FILES = CHECKOUT / 'etc/nova-ext/guest'
UNITS = sorted((FILES / 'systemd').iterdir())


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    install.install(str(tmp_path), str(FILES))
    return tmp_path


def test_the_programs_are_links_to_the_zipapp(tree: pathlib.Path) -> None:
    for program in main.PROGRAMS:
        target = os.readlink(tree / 'usr/sbin' / program)
        assert target == '/usr/lib/nova-ext/guest.pyz'


def test_units_are_there_and_enabled(tree: pathlib.Path) -> None:
    names = {unit.name for unit in UNITS}
    assert names == {
        'guest-agent.service',
        'guest-scale-agent.service',
        'offline-cpus.service',
    }
    for name in names:
        unit = tree / 'usr/lib/systemd/system' / name
        assert unit.read_bytes() == (FILES / 'systemd' / name).read_bytes()
        link = tree / 'etc/systemd/system/multi-user.target.wants' / name
        assert os.readlink(link) == '/usr/lib/systemd/system/' + name


@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_program_that_is_installed(
    tree: pathlib.Path, unit: pathlib.Path
) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(unit)
    path = parser['Service']['ExecStart'].lstrip('/')
    assert os.path.lexists(tree / path)


def test_there_is_a_folder_for_hooks_without_a_hook(
    tree: pathlib.Path,
) -> None:
    assert (tree / 'etc/nova-ext/scale.d/README').is_file()
    found = hooks.Hooks(str(tree / hooks.FOLDER.lstrip('/')))
    assert found.paths() == []


@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_fault_in_a_unit(
    tree: pathlib.Path, unit: pathlib.Path
) -> None:
    """Where systemd is installed; the lab's guest runs them in any case."""
    tool = shutil.which('systemd-analyze')
    if tool is None:
        pytest.skip('no systemd-analyze')
    (tree / 'usr/lib/nova-ext').mkdir(parents=True)
    (tree / 'usr/lib/nova-ext/guest.pyz').touch(0o755)
    done = subprocess.run(
        [
            *(tool, 'verify', '--man=no', '--root', tree),
            *('--recursive-errors=no', unit.name),
        ],
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert unit.name not in done.stderr, done.stderr


def test_an_agent_that_fails_is_restarted_for_ever_and_in_no_hurry() -> None:
    for unit in UNITS:
        text = unit.read_text()
        if 'Restart=' in text:
            assert 'Restart=always\nRestartSec=3\n' in text
            assert 'StartLimitIntervalSec=0\n' in text


def test_the_helper_may_be_run(tree: pathlib.Path) -> None:
    mode = (tree / 'usr/sbin/app_scale_helper').stat().st_mode
    assert stat.S_IMODE(mode) == 0o755


def test_it_can_be_installed_over_itself(tree: pathlib.Path) -> None:
    install.install(str(tree), str(FILES))


def test_missing_files_are_told_with_the_way_out(
    tmp_path: pathlib.Path, monkeypatch
) -> None:
    monkeypatch.setattr(install.sysconfig, 'get_path', lambda _: '/no')
    with pytest.raises(install.FilesMissing, match='with --files'):
        install.find_files(str(tmp_path / 'nova_ext'))


def test_files_are_found_in_a_checkout_and_in_an_installation(
    tmp_path: pathlib.Path, monkeypatch
) -> None:
    assert install.find_files(str(CHECKOUT / 'nova_ext')) == str(FILES)
    installed = tmp_path / 'etc/nova-ext/guest'
    installed.mkdir(parents=True)
    (installed / 'app_scale_helper').touch()
    monkeypatch.setattr(
        install.sysconfig, 'get_path', lambda name: str(tmp_path)
    )
    assert install.find_files('/lib/python/nova_ext') == str(installed)


@pytest.mark.parametrize(
    ('online', 'status'),
    [('0-3', 3), ('0,2', 2), ('0', 0), ('0-1,7-255', 255), ('0-300', 0)],
)
def test_the_helper_picks_the_last_online_cpu(
    tmp_path: pathlib.Path, online: str, status: int
) -> None:
    (tmp_path / 'online').write_text(online + '\n')
    script = tmp_path / 'helper'
    text = (FILES / 'app_scale_helper').read_text()
    sysfs = '/sys/devices/system/cpu/online'
    assert sysfs in text
    script.write_text(text.replace(sysfs, str(tmp_path / 'online')))
    done = subprocess.run(['sh', script, '--cpu_del'], timeout=20)
    assert done.returncode == status


@pytest.mark.parametrize('args', [['--cpu_add', '1', '[0,1]'], ['--help']])
def test_the_helper_agrees_to_all_else(args: list[str]) -> None:
    done = subprocess.run(
        [FILES / 'app_scale_helper', *args], timeout=20, capture_output=True
    )
    assert done.returncode == 0


@pytest.mark.parametrize(
    ('call', 'status', 'said', 'allowed'),
    [
        ({'event': 'choose', 'cpu': None}, 0, '{"cpu": 3}', None),
        ({'event': 'choose', 'online': [0, 1]}, 1, 'all CPUs are in', None),
        ({'event': 'offline', 'cpu': 3}, 0, '', '0,1,2'),
        ({'event': 'online', 'cpu': 4}, 0, '', '0,1,2,3,4'),
    ],
)
def test_the_example_of_a_hook(
    tmp_path: pathlib.Path, call, status: int, said: str, allowed
) -> None:
    tool = tmp_path / 'systemctl'
    tool.write_text('#!/bin/sh\necho "$*" > %s/called\n' % tmp_path)
    tool.chmod(0o755)
    done = subprocess.run(
        [FILES / 'examples/50-pin-workers'],
        input=json.dumps({'online': [0, 1, 2, 3], **call}),
        env={'PATH': '%s:%s' % (tmp_path, os.environ['PATH'])},
        timeout=20,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    assert said in done.stdout
    if allowed:
        assert (tmp_path / 'called').read_text() == (
            'set-property --runtime my-workers.service AllowedCPUs=%s\n'
            % allowed
        )
