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
import re
import shutil
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / 'etc' / 'nova-ext'
UNITS = sorted(
    path
    for pattern in ('*.service', '*.timer')
    for path in FOLDER.rglob(pattern)
)

#: How much is exposed at most, of ten, in tenths. What runs as root with all
#: of its rights is not here.
EXPOSED = {
    'nova-ext-channel.service': 10,
    'nova-ext-groups.service': 15,
    'nova-ext-groups-relay.service': 15,
}

#: The forwarder of a guest. It cannot do without root and /dev, and must start
#: where systemd is old.
GUEST_AGENT = FOLDER / 'guest' / 'systemd' / 'guest-agent.service'

needs_systemd = pytest.mark.skipif(
    shutil.which('systemd-analyze') is None, reason='needs systemd-analyze'
)


def analyze(tmp_path: pathlib.Path, unit: pathlib.Path, *command: str) -> str:
    """Return what systemd-analyze says of the unit."""
    # What they would start is not installed where the tests run.
    for other in UNITS:
        text = re.sub(
            '(?m)^ExecStart=[^ \n]+', 'ExecStart=true', other.read_text()
        )
        (tmp_path / other.name).write_text(text)
    done = subprocess.run(
        ['systemd-analyze', *command, str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(
    tmp_path: pathlib.Path, unit: pathlib.Path
) -> None:
    assert unit.name not in analyze(tmp_path, unit, 'verify')


@needs_systemd
@pytest.mark.parametrize('name', EXPOSED)
def test_little_is_exposed(tmp_path: pathlib.Path, name: str) -> None:
    analyze(
        tmp_path,
        FOLDER / 'systemd' / name,
        *('security', '--offline=true', '--threshold=%d' % EXPOSED[name]),
    )


@needs_systemd
def test_the_guests_forwarder_is_confined(tmp_path: pathlib.Path) -> None:
    analyze(
        tmp_path, GUEST_AGENT, 'security', '--offline=true', '--threshold=45'
    )
    lines = GUEST_AGENT.read_text().splitlines()
    assert 'CapabilityBoundingSet=CAP_DAC_OVERRIDE' in lines
    # These would take the port, or the addresses of the programs, from it.
    for setting in ('PrivateDevices', 'PrivateNetwork', 'ProtectClock'):
        assert not any(line.startswith(setting + '=') for line in lines)


@pytest.mark.parametrize('name', EXPOSED)
def test_the_service_has_no_capability(name: str) -> None:
    lines = (FOLDER / 'systemd' / name).read_text().splitlines()
    assert 'CapabilityBoundingSet=' in lines
    assert not any('CAP_' in line for line in lines)


def test_no_service_that_is_always_restarted_is_given_up() -> None:
    """Without the setting, five failures in ten seconds are the last."""
    restarted = [
        unit.read_text()
        for unit in UNITS
        if 'Restart=always' in unit.read_text()
    ]
    assert len(restarted) == 5
    for text in restarted:
        assert 'StartLimitIntervalSec=0' in text.splitlines()
