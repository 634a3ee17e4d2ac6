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
"""Hosts made from tests/vectors/host_checks.yaml."""

from collections.abc import Collection
import pathlib
import shutil
from typing import Any

import yaml

from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/host_checks.yaml'
TABLE = yaml.safe_load(VECTORS.read_text('utf-8'))

PAUSE = 0.5
_SMI_COUNT = 0x34
Case = dict[str, Any]


class FakeKvm:
    """Says what the table says; none stands for a refused file."""

    def __init__(self, answer: str | None) -> None:
        self._answer = answer

    def problem(self) -> str:
        if self._answer is None:
            raise files.Unreadable('/dev/kvm: run this as root')
        return self._answer


class FakeVersions:
    """Says what the table says; none stands for no answer."""

    def __init__(self, libvirt: int | None, qemu: int | None) -> None:
        self._libvirt = libvirt
        self._qemu = qemu

    def libvirt(self) -> int:
        return self._told(self._libvirt)

    def qemu(self) -> int:
        return self._told(self._qemu)

    @staticmethod
    def _told(answer: int | None) -> int:
        if answer is None:
            raise files.Unreadable('nobody answers')
        return answer


def write(root: pathlib.Path, content: dict[str, Any]) -> None:
    """Make files and folders below ``root``, and remove those with none."""
    for name, text in content.items():
        path = root / name
        if text is None or isinstance(text, dict):
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        if isinstance(text, dict):
            path.mkdir(parents=True)
        elif text is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def make(root: pathlib.Path, changes: Case) -> host.Host:
    """Return the good host of the table with changes."""
    good = TABLE['good']
    case = {**good, **changes}

    def count(number: int) -> None:
        for cpu in range(2, 6):
            path = root / ('dev/cpu/%d/msr' % cpu)
            path.parent.mkdir(parents=True, exist_ok=True)
            # The upper half of the register is reserved.
            counter = number.to_bytes(4, 'little') + b'\xff' * 4
            path.write_bytes(bytes(_SMI_COUNT) + counter)

    def pause(seconds: float) -> None:
        assert seconds == PAUSE
        count(case['smi'][1])

    if case['smi'] is not None:
        count(case['smi'][0])
    write(root, good['files'])
    write(root, changes.get('files', {}))
    return host.Host(
        files.HostFiles(str(root)),
        host.Settings(
            case['dedicated_set'],
            case['virt_type'],
            case['priority'],
            case['power_managed'],
            PAUSE,
        ),
        FakeKvm(case['kvm']),
        FakeVersions(case['libvirt'], case['qemu']),
        pause,
    )


def cases_of(checks: Collection[findings.Check]) -> list[Case]:
    """Return the table's cases of these checks."""
    names = [check.name for check in checks]
    return [case for case in TABLE['checks'] if case['check'] in names]


def name_of(case: Case) -> str:
    """Name a case after what is looked for."""
    return '%s %s' % (case['check'], case['found'])


def verify(
    checks: Collection[findings.Check], root: pathlib.Path, case: Case
) -> None:
    """Do the case's check, compare."""
    (check,) = [each for each in checks if each.name == case['check']]
    finding = findings.find(check, make(root, case))
    assert finding.result.value == case['result'], finding.found
    assert case['found'] in finding.found
