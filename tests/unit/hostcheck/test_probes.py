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
"""/dev/kvm and libvirt, as they are and as they may be."""

from collections.abc import Callable
import os
import pathlib
import sys
import threading
import types

import pytest

from nova_ext.hostcheck import files
from nova_ext.hostcheck import probes


def kvm(root: pathlib.Path) -> probes.DeviceKvm:
    return probes.DeviceKvm(files.HostFiles(str(root)))


def test_no_device(tmp_path: pathlib.Path) -> None:
    assert (
        kvm(tmp_path).problem().endswith('/dev/kvm: No such file or directory')
    )


def test_another_device(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'dev').mkdir()
    (tmp_path / 'dev/kvm').write_text('')
    assert 'makes no virtual machine: ' in kvm(tmp_path).problem()


def test_a_device_that_this_user_may_not_open(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(os, 'open', refuse)
    with pytest.raises(files.Unreadable, match='denied; run this as root'):
        kvm(tmp_path).problem()


@pytest.mark.parametrize('version, found', [(12, ''), (10, 'API version 10')])
def test_a_device(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
    found: str,
) -> None:
    """What the kernel's KVM answers; both of its descriptors are closed."""
    made: list[int] = []

    def ioctl(descriptor: int, request: int, argument: int) -> int:
        if request == 0xAE00:
            return version
        made.append(os.open(os.devnull, os.O_RDONLY))
        return made[-1]

    (tmp_path / 'dev').mkdir()
    (tmp_path / 'dev/kvm').write_text('')
    monkeypatch.setattr(probes.fcntl, 'ioctl', ioctl)
    problem = kvm(tmp_path).problem()
    assert problem.endswith(found) and bool(problem) == bool(found)
    assert len(made) == (2 if version == 12 else 0)
    for descriptor in made:
        with pytest.raises(OSError):
            os.fstat(descriptor)


class FakeConnection:
    """Counts how often it was closed."""

    closed = 0

    def getLibVersion(self) -> int:
        return 9000000

    def getVersion(self) -> int:
        raise RuntimeError('no QEMU found')

    def close(self) -> None:
        FakeConnection.closed += 1


def install(
    monkeypatch: pytest.MonkeyPatch, connect: Callable[[str], object]
) -> probes.LibvirtVersions:
    binding = types.ModuleType('libvirt')
    binding.registerErrorHandler = lambda *_: None  # type: ignore[attr-defined]
    binding.openReadOnly = connect  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'libvirt', binding)
    return probes.LibvirtVersions('qemu:///system')


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = install(monkeypatch, lambda uri: FakeConnection())
    FakeConnection.closed = 0
    assert versions.libvirt() == 9000000
    with pytest.raises(
        files.Unreadable, match='qemu:///system: no QEMU found'
    ):
        versions.qemu()
    assert FakeConnection.closed == 2


def test_libvirt_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(uri: str) -> None:
        raise RuntimeError('Failed to connect socket')

    with pytest.raises(files.Unreadable, match='Failed to connect socket'):
        install(monkeypatch, refuse).libvirt()


def test_no_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'libvirt', None)
    with pytest.raises(files.Unreadable, match='libvirt'):
        probes.LibvirtVersions('qemu:///system').libvirt()


def test_libvirt_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()
    monkeypatch.setattr(probes, 'LIMIT', 0.05)
    versions = install(monkeypatch, lambda uri: end.wait(30))
    try:
        with pytest.raises(files.Unreadable, match='no answer in'):
            versions.libvirt()
    finally:
        end.set()
