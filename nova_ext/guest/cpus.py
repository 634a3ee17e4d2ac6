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
"""The guest kernel's CPUs, through sysfs."""

import collections
import glob
import os
from typing import FrozenSet

from nova_ext import cpuset

SYSFS = '/sys/devices/system/cpu'


class CpuError(Exception):
    """A CPU cannot be switched; the text goes to the host."""


class Cpus(object):
    """What is online, and the switches.

    :param root: the folder of the CPUs.
    """

    def __init__(self, root: str = SYSFS) -> None:
        self._root = root

    def online(self) -> FrozenSet[int]:
        """Return the CPUs that the kernel uses now.

        :raises CpuError: the kernel does not say.
        """
        try:
            return cpuset.parse(self._read('online'))
        except (OSError, ValueError) as error:
            raise CpuError('cannot read the online cpus: %s' % error)

    def highest(self) -> int:
        """Return the highest online CPU that may go offline, which is not 0.

        The host takes none that is the last of its NUMA node. Where there are
        only such, it is the highest of them, and the host says why not.

        :raises CpuError: only CPU 0 is online.
        """
        online = self.online()
        if online <= {0}:
            raise CpuError('only cpu 0 is online, and it must stay online')
        nodes = {cpu: self._node(cpu) for cpu in online}
        counts = collections.Counter(nodes.values())
        spare = [cpu for cpu in online - {0} if counts[nodes[cpu]] > 1]
        return max(spare or online)

    def take_offline(self, cpu: int) -> bool:
        """Take a CPU offline; return whether it was online.

        :raises CpuError: there is no such switch, or the kernel refuses.
        """
        try:
            return self._switch(cpu, '0')
        except FileNotFoundError:
            # The text of the original, down to its line feed.
            raise CpuError('failed to set cpu %d offline\n' % cpu)
        except OSError as error:
            raise CpuError(
                'failed to set cpu %d offline: %s' % (cpu, error.strerror)
            )

    def bring_online(self, cpu: int) -> bool:
        """Bring a CPU online; return whether it was offline.

        :raises CpuError: there is no such switch, or the kernel refuses.
        """
        try:
            return self._switch(cpu, '1')
        except FileNotFoundError as error:
            raise CpuError("can't open cpu online path: %s" % error.strerror)
        except OSError as error:
            raise CpuError(
                'failed to set cpu %d online: %s' % (cpu, error.strerror)
            )

    def _node(self, cpu: int) -> str:
        """Return the name of a CPU's NUMA node, empty where there is none."""
        found = glob.glob(
            os.path.join(self._root, 'cpu%d' % cpu, 'node[0-9]*')
        )
        return os.path.basename(found[0]) if found else ''

    def _switch(self, cpu: int, value: str) -> bool:
        name = os.path.join('cpu%d' % cpu, 'online')
        if self._read(name).strip() == value:
            return False
        self._write(name, value)
        return True

    def _read(self, name: str) -> str:
        with open(os.path.join(self._root, name), encoding='ascii') as stream:
            return stream.read()

    def _write(self, name: str, value: str) -> None:
        # Not buffered, so that the kernel's refusal is raised by the write.
        fd = os.open(os.path.join(self._root, name), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, value.encode('ascii'))
        finally:
            os.close(fd)
