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
import shutil
import subprocess
import sys

import pytest

from nova_ext.guest import build
from nova_ext.guest import debian

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
FILES = CHECKOUT / 'etc/nova-ext/guest'
UNITS = {path.name for path in (FILES / 'systemd').iterdir()}

if shutil.which('dpkg-deb') is None:
    pytest.skip('builds Debian packages', allow_module_level=True)


def make(folder: pathlib.Path, version: str) -> pathlib.Path:
    command = ['--deb', str(folder), '--package-version', version]
    assert build.main(command) == 0
    return folder / ('nova-ext-guest_%s_all.deb' % version)


@pytest.fixture(scope='module')
def package(tmp_path_factory) -> pathlib.Path:
    return make(tmp_path_factory.mktemp('deb'), '1.0')


def output(*command: object) -> str:
    done = subprocess.run(
        command,
        timeout=60,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Root:
    """A throw-away root with a package database of its own.

    The maintainer scripts are those of the package, and the tools that they
    call are told where the root is.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        for folder in ('info', 'updates', 'triggers'):
            (path / 'var/lib/dpkg' / folder).mkdir(parents=True)
        (path / 'var/lib/dpkg/status').touch()
        tool = path / 'usr/bin/deb-systemd-helper'
        tool.parent.mkdir(parents=True)
        tool.symlink_to(shutil.which('deb-systemd-helper') or '/missing')

    def dpkg(self, *words: object) -> str:
        return output(
            *('dpkg', '--root', self.path, '--force-script-chrootless'),
            *('--force-depends', '--log=/dev/null', *words),
        )

    def files(self) -> set[str]:
        """Return what there is, without dpkg's own and the test's."""
        found = {
            str(path.relative_to(self.path))
            for path in self.path.rglob('*')
            if not path.is_dir() or path.is_symlink()
        }
        return {
            name
            for name in found - {'usr/bin/deb-systemd-helper'}
            if not name.startswith('var/lib/')
        }

    def enabled(self) -> set[str]:
        wants = self.path / 'etc/systemd/system/multi-user.target.wants'
        return {path.name for path in wants.iterdir()}


@pytest.fixture
def root(tmp_path: pathlib.Path) -> Root:
    if os.geteuid():
        pytest.skip('dpkg installs as root only')
    return Root(tmp_path / 'root')


def test_its_control_file(package) -> None:
    fields = output('dpkg-deb', '--field', package)
    assert 'Package: nova-ext-guest\nVersion: 1.0\n' in fields
    assert 'Architecture: all\n' in fields
    assert 'Depends: python3 (>= 3.6)\n' in fields
    assert '@' not in fields.replace('@localhost', '')


def test_its_content(package, tmp_path: pathlib.Path) -> None:
    listed = output('dpkg-deb', '--contents', package).splitlines()
    assert all(line.split()[1] == 'root/root' for line in listed)
    assert all(line[4:7] == 'r-x' for line in listed if line[0] == 'd')
    output('dpkg-deb', '--raw-extract', package, tmp_path)
    lines = (tmp_path / 'DEBIAN/md5sums').read_text().splitlines()
    sums = output('sh', '-c', 'cd %s && md5sum -c DEBIAN/md5sums' % tmp_path)
    assert sums.count(': OK') == len(lines) > 5
    examples = tmp_path / 'usr/share/doc/nova-ext-guest/examples'
    for example in ('app_scale_helper', '50-pin-workers'):
        assert os.access(examples / example, os.X_OK)
    assert not (tmp_path / 'usr/sbin/app_scale_helper').exists()


def test_the_same_sources_give_the_same_bytes(package, tmp_path) -> None:
    assert make(tmp_path, '1.0').read_bytes() == package.read_bytes()
    assert os.listdir(tmp_path) == [package.name]


def test_it_installs_and_enables_its_units(package, root) -> None:
    root.dpkg('--install', package)
    assert 'Status: install ok installed' in root.dpkg(
        '--status', 'nova-ext-guest'
    )
    assert root.enabled() == UNITS
    assert root.dpkg('--verify', 'nova-ext-guest') == ''
    app = root.path / 'usr/lib/nova-ext/guest.pyz'
    done = output(sys.executable, app, 'server_group_app', '--help')
    assert done.startswith('usage: server_group_app')


def test_an_upgrade_keeps_the_administrators_choice_and_files(
    package, root, tmp_path
) -> None:
    root.dpkg('--install', package)
    wants = root.path / 'etc/systemd/system/multi-user.target.wants'
    (wants / 'offline-cpus.service').unlink()
    readme = root.path / 'etc/nova-ext/scale.d/README'
    readme.write_text('mine\n')
    own = {
        root.path / 'etc/nova-ext/scale.d/10-mine': '#!/bin/sh\n',
        root.path / 'usr/sbin/app_scale_helper': '#!/bin/sh\nexit 1\n',
    }
    for path, text in own.items():
        path.write_text(text)
    root.dpkg('--install', make(tmp_path, '1.1'))
    assert root.enabled() == UNITS - {'offline-cpus.service'}
    assert readme.read_text() == 'mine\n'
    assert {path: path.read_text() for path in own} == own


def test_it_is_removed_without_a_trace(package, root) -> None:
    root.dpkg('--install', package)
    root.dpkg('--remove', 'nova-ext-guest')
    left = root.files()
    assert 'etc/nova-ext/scale.d/README' in left
    assert not [name for name in left if name.startswith('usr/')]
    root.dpkg('--purge', 'nova-ext-guest')
    assert root.files() == set()


def test_the_scripts_are_posix_shell() -> None:
    for script in ('postinst', 'prerm', 'postrm'):
        path = FILES / 'debian' / script
        output('sh', '-n', path)
        assert path.read_text().startswith('#!/bin/sh\nset -e\n')


@pytest.mark.parametrize(
    ('python', 'debian_s'),
    [
        ('1.2.3', '1.2.3'),
        ('0.0.1.dev12', '0.0.1~dev12'),
        ('1.0.0.0rc1', '1.0.0~rc1'),
        ('1.0.0rc1', '1.0.0~rc1'),
        ('2.0.0.0b3.dev4', '2.0.0~b3~dev4'),
        ('1.0.0.post1', '1.0.0.post1'),
        ('10.20.0.dev1', '10.20.0~dev1'),
    ],
)
def test_versions_sort_as_pythons(python: str, debian_s: str) -> None:
    assert debian.debian_version(python) == debian_s
    if '~' in debian_s:
        release = debian_s.partition('~')[0]
        output('dpkg', '--compare-versions', debian_s, 'lt', release)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    command = ['--deb', str(tmp_path), '--package-version', 'not a version']
    assert build.main(command) == 1
    assert os.listdir(tmp_path) == []
