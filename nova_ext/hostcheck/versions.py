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
"""libvirt and QEMU: are they of versions that Nova takes?"""

from collections.abc import Callable

from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

# ``MIN_LIBVIRT_VERSION`` and ``MIN_QEMU_VERSION`` of nova.virt.libvirt.driver
# in Nova 31 to 34.
_LIBVIRT = 8000000
_QEMU = 6002000


def _at_least(
    ask: Callable[[host.Versions], int], least: int
) -> Callable[[host.Host], findings.Observation]:
    def look(seen: host.Host) -> findings.Observation:
        version = ask(seen.versions)
        if version >= least:
            return findings.passed(shown(version))
        return findings.failed(shown(version))

    return look


def shown(version: int) -> str:
    """A number of libvirt's as people write it, such as ``9.0.0``."""
    return '%d.%d.%d' % (
        version // 1000000,
        version // 1000 % 1000,
        version % 1000,
    )


CHECKS = (
    findings.Check(
        'libvirt-version',
        'libvirt',
        'libvirt %s or newer.' % shown(_LIBVIRT),
        'Nova does not start with an older one; vcpusched, locked memory and '
        'iothreadpin are in all that it takes.',
        'Install a newer libvirt. If it could not be asked: see that it runs, '
        'that this user may connect ([libvirt]connection_uri), and that '
        'libvirt-python is installed where Nova is.',
        _at_least(lambda versions: versions.libvirt(), _LIBVIRT),
    ),
    findings.Check(
        'qemu-version',
        'QEMU',
        'QEMU %s or newer.' % shown(_QEMU),
        'Nova does not start with an older one, and its big lock is held '
        'longer than in newer ones.',
        'Install a newer QEMU. If it could not be asked: the same as for '
        'libvirt.',
        _at_least(lambda versions: versions.qemu(), _QEMU),
    ),
)
