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
"""What one run has chosen survives on disk, for its owner alone."""

import pathlib
import socket

import pytest

from tests.lab import errors
from tests.lab import settings


def test_save_and_load(tmp_path: pathlib.Path) -> None:
    chosen = settings.choose('qemu', 'secret')
    file = tmp_path / 'settings.json'
    chosen.save(file)
    assert settings.load(file) == chosen
    assert file.stat().st_mode & 0o777 == 0o600


def test_ports_are_distinct_and_free() -> None:
    chosen = settings.choose('qemu', 'secret')
    ports = chosen.ports.values()
    assert set(chosen.ports) == set(settings.PORT_NAMES)
    assert len(set(ports)) == len(ports)
    for port in ports:
        with socket.socket() as probe:
            probe.bind((settings.HOST, port))


def test_no_lab(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.LabError, match='./lab up starts it'):
        settings.load(tmp_path / 'settings.json')


def test_too_few_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('os.sched_getaffinity', lambda _pid: {3})
    with pytest.raises(errors.LabError, match='offers 1 CPU'):
        settings.choose('qemu', 'secret')
