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
"""The real ports: /dev/kvm, and libvirt by its Python binding."""

from collections.abc import Callable
import fcntl
import importlib
import os
import threading
from typing import Any

from nova_ext.hostcheck import files

# ioctl numbers of linux/kvm.h, the same on all architectures.
_KVM_GET_API_VERSION = 0xAE00
_KVM_CREATE_VM = 0xAE01
_KVM_CREATE_VCPU = 0xAE41
_KVM_API_VERSION = 12

#: Seconds; a libvirt that hangs must not stop the whole check.
LIMIT = 20.0


class DeviceKvm:
    """Makes a virtual machine with one vCPU, and lets it go again."""

    def __init__(self, found: files.HostFiles) -> None:
        self._path = found.path('dev/kvm')

    def problem(self) -> str:
        """See :class:`nova_ext.hostcheck.host.Kvm`."""
        try:
            device = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError as error:
            raise files.Unreadable(
                '%s: %s; run this as root' % (self._path, error.strerror)
            ) from error
        except OSError as error:
            return '%s: %s' % (self._path, error.strerror)
        try:
            return self._try(device)
        except OSError as error:
            return '%s makes no virtual machine: %s' % (
                self._path,
                error.strerror,
            )
        finally:
            os.close(device)

    def _try(self, device: int) -> str:
        version = fcntl.ioctl(device, _KVM_GET_API_VERSION, 0)
        if version != _KVM_API_VERSION:
            return '%s has API version %d' % (self._path, version)
        machine = fcntl.ioctl(device, _KVM_CREATE_VM, 0)
        try:
            os.close(fcntl.ioctl(machine, _KVM_CREATE_VCPU, 0))
        finally:
            os.close(machine)
        return ''


class LibvirtVersions:
    """Asks the libvirt that Nova uses.

    :param uri: of the connection, such as ``qemu:///system``.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def libvirt(self) -> int:
        """See :class:`nova_ext.hostcheck.host.Versions`."""
        return self._ask(lambda connection: connection.getLibVersion())

    def qemu(self) -> int:
        """See :class:`nova_ext.hostcheck.host.Versions`."""
        return self._ask(lambda connection: connection.getVersion())

    def _ask(self, question: Callable[[Any], int]) -> int:
        answers: list[int] = []
        problems: list[Exception] = []

        def ask() -> None:
            try:
                binding = importlib.import_module('libvirt')
                # The binding prints each error, besides raising it.
                binding.registerErrorHandler(lambda *_: None, None)
                connection = binding.openReadOnly(self._uri)
                try:
                    answers.append(int(question(connection)))
                finally:
                    connection.close()
            # libvirtError, ImportError: all are told to the operator.
            except Exception as error:
                problems.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(LIMIT)
        if answers:
            return answers[0]
        raise files.Unreadable(
            '%s: %s'
            % (
                self._uri,
                problems[0] if problems else 'no answer in %d s' % LIMIT,
            )
        )
