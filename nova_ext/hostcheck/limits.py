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
"""May libvirt lock memory and make threads real-time?

libvirt raises the limit of locked memory of each QEMU, and sets the policy of
its vCPU threads, by itself (``qemuDomainAdjustMaxMemLock`` and
``virProcessSetScheduler``), so its own rights count, not those of QEMU.
"""

from collections.abc import Callable
from dataclasses import dataclass
import re

from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

_DAEMONS = ('libvirtd', 'virtqemud')

# capabilities(7)
_CAP_SYS_NICE = 23
_CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class Daemon:
    """A running libvirt.

    :ivar limits: the soft limits by their names in ``/proc/<pid>/limits``.
    :ivar capabilities: the effective ones, as a mask.
    """

    name: str
    pid: int
    limits: dict[str, str]
    capabilities: int

    def has(self, capability: int) -> bool:
        """Whether it has a capability."""
        return bool(self.capabilities >> capability & 1)


def daemons(found: files.HostFiles) -> list[Daemon]:
    """Return every libvirt that runs.

    :raises Unreadable: none does, or it may not be looked at.
    """
    running = [
        _daemon(found, name, int(pid))
        for pid in found.names('proc')
        if pid.isdigit() and (name := _command(found, pid)) in _DAEMONS
    ]
    if not running:
        raise files.Unreadable(
            'neither libvirtd nor virtqemud runs (virtqemud ends when it is '
            'idle: run virsh -c qemu:///system list, then check again)'
        )
    return running


def _command(found: files.HostFiles, pid: str) -> str:
    try:
        return found.text('proc/%s/comm' % pid)
    except files.Unreadable:
        # It has ended meanwhile.
        return ''


def _daemon(found: files.HostFiles, name: str, pid: int) -> Daemon:
    limits = {
        line[:25].strip(): line[26:].partition(' ')[0]
        for line in found.text('proc/%d/limits' % pid).splitlines()
    }
    effective = re.search(
        r'^CapEff:\s*([0-9a-f]+)$',
        found.text('proc/%d/status' % pid),
        re.MULTILINE,
    )
    if effective is None:
        raise ValueError('/proc/%d/status has no CapEff' % pid)
    return Daemon(name, pid, limits, int(effective.group(1), 16))


def _may(
    seen: host.Host,
    capability: int,
    name: str,
    limit: str,
    enough: Callable[[str], bool],
) -> findings.Observation:
    shown = []
    lacking = False
    for daemon in daemons(seen.files):
        value = daemon.limits.get(limit) or 'unknown'
        has = daemon.has(capability)
        shown.append(
            '%s (pid %d) %s %s, its limit is %s'
            % (
                daemon.name,
                daemon.pid,
                'has' if has else 'does not have',
                name,
                value,
            )
        )
        lacking |= not has and not enough(value)
    found = '; '.join(shown)
    return findings.failed(found) if lacking else findings.passed(found)


def _memlock(seen: host.Host) -> findings.Observation:
    return _may(
        seen,
        _CAP_SYS_RESOURCE,
        'CAP_SYS_RESOURCE',
        'Max locked memory',
        lambda value: value == 'unlimited',
    )


def _rtprio(seen: host.Host) -> findings.Observation:
    def enough(value: str) -> bool:
        if value.isdigit():
            return int(value) >= seen.settings.priority
        return value == 'unlimited'

    return _may(
        seen, _CAP_SYS_NICE, 'CAP_SYS_NICE', 'Max realtime priority', enough
    )


CHECKS = (
    findings.Check(
        'memlock-limit',
        'Locked memory',
        'libvirt may raise the limit of locked memory (CAP_SYS_RESOURCE), or '
        'has no such limit itself.',
        'The memory of a real-time server is locked, so that it is never '
        'swapped out; without the right its start fails.',
        'Run libvirt as root with its usual capabilities; in a container, '
        'add CAP_SYS_RESOURCE. Or set LimitMEMLOCK=infinity in its systemd '
        'unit.',
        _memlock,
    ),
    findings.Check(
        'rtprio-limit',
        'Real-time priority',
        'libvirt may set real-time policies (CAP_SYS_NICE), or its limit is '
        'at least [libvirt]realtime_scheduler_priority.',
        'It gives SCHED_FIFO to the threads of real-time vCPUs; without the '
        'right their start fails.',
        'Run libvirt as root with its usual capabilities; in a container, '
        'add CAP_SYS_NICE. Or set LimitRTPRIO=99 in its systemd unit.',
        _rtprio,
    ),
)
