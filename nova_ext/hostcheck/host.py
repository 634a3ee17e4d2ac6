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
"""A host as the checks see it: files, nova.conf, and two ports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nova_ext import cpuset
from nova_ext.hostcheck import files


class Kvm(Protocol):
    """Port: the kernel's virtual machines."""

    def problem(self) -> str:
        """Why none can be made, or the empty text.

        :raises Unreadable: this process may not try.
        """


class Versions(Protocol):
    """Port: libvirt and the QEMU that it starts, as numbers.

    A number is 1000000 * major + 1000 * minor + release.
    """

    def libvirt(self) -> int:
        """The daemon's version.

        :raises Unreadable: it cannot be asked.
        """

    def qemu(self) -> int:
        """The emulator's version.

        :raises Unreadable: libvirt cannot tell.
        """


@dataclass(frozen=True)
class Settings:
    """What nova.conf of the host says.

    :ivar dedicated_set: ``[compute]cpu_dedicated_set`` as written.
    :ivar virt_type: ``[libvirt]virt_type``.
    :ivar priority: ``[libvirt]realtime_scheduler_priority``.
    :ivar power_managed: ``[libvirt]cpu_power_management``: Nova takes idle
        dedicated CPUs offline.
    :ivar smi_seconds: how long to watch the SMI counters.
    """

    dedicated_set: str
    virt_type: str
    priority: int
    power_managed: bool
    smi_seconds: float


@dataclass(frozen=True)
class Host:
    """Everything that a check may look at.

    :ivar pause: comes back after that many seconds.
    """

    files: files.HostFiles
    settings: Settings
    kvm: Kvm
    versions: Versions
    pause: Callable[[float], None]

    def dedicated(self) -> frozenset[int]:
        """The CPUs that real-time vCPUs get.

        :raises Unreadable: nova.conf names none.
        :raises ValueError: it names something else.
        """
        found = cpuset.parse(self.settings.dedicated_set)
        if not found:
            raise files.Unreadable(
                '[compute]cpu_dedicated_set of nova.conf names no CPUs'
            )
        return found
