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
import pathlib
import shutil
import subprocess

import pytest

UNIT = (
    pathlib.Path(__file__).parents[3]
    / 'etc/nova-ext/systemd/nova-ext-channel.service'
)

needs_systemd = pytest.mark.skipif(
    shutil.which('systemd-analyze') is None, reason='needs systemd-analyze'
)


def analyze(tmp_path: pathlib.Path, *command: str) -> str:
    """Return what systemd-analyze says of the unit."""
    path = tmp_path / UNIT.name
    # What it would start is not installed where the tests run.
    path.write_text(
        UNIT.read_text().replace('/usr/bin/nova-ext-channel', '/bin/true')
    )
    done = subprocess.run(
        ['systemd-analyze', *command, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_understands_the_unit(tmp_path) -> None:
    assert UNIT.name not in analyze(tmp_path, 'verify')


@needs_systemd
def test_little_is_exposed(tmp_path) -> None:
    """The level is of ten, in tenths."""
    analyze(tmp_path, 'security', '--offline=true', '--threshold=10')


def test_the_daemon_has_no_capability() -> None:
    lines = UNIT.read_text().splitlines()
    assert 'CapabilityBoundingSet=' in lines
    assert not any('CAP_' in line for line in lines)
