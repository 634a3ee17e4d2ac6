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
"""Group scheduling of real-time threads, which leaves libvirt's none."""

import re

from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

_QEMU_CONF = 'etc/libvirt/qemu.conf'
_CONTROLLERS = re.compile(
    r'^\s*cgroup_controllers\s*=\s*\[([^]]*)\]', re.MULTILINE
)


def _group_scheduling(seen: host.Host) -> findings.Observation:
    first = _first_version(seen.files)
    if first is None:
        return _second_version(seen.files)
    # The kernel shows this file only with RT_GROUP_SCHED in force.
    if not seen.files.exists(first + '/cpu.rt_runtime_us'):
        return findings.passed('the kernel does not schedule them by group')
    if not _libvirt_uses_cpu(seen.files):
        return findings.passed(
            'the kernel schedules them by control group (v1, at /%s), and '
            "libvirt's cgroup_controllers leaves the cpu controller out"
            % first
        )
    return findings.failed(
        'the kernel schedules real-time threads by control group (v1, at '
        '/%s), and libvirt puts QEMU into groups without real-time runtime'
        % first
    )


def _first_version(found: files.HostFiles) -> str | None:
    """Where version 1 of the cpu controller is mounted."""
    for line in found.text('proc/mounts').splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == 'cgroup' and 'cpu' in options.split(','):
            return place.lstrip('/')
    return None


def _second_version(found: files.HostFiles) -> findings.Observation:
    """Version 2 has no real-time runtime to give to a group."""
    if found.kernel_option('CONFIG_RT_GROUP_SCHED') != 'y':
        return findings.passed('the kernel does not schedule them by group')
    if _switched_off(found):
        return findings.passed('group scheduling was switched off at boot')
    return findings.failed(
        'the kernel is built with CONFIG_RT_GROUP_SCHED and uses version 2 '
        'of control groups'
    )


def _switched_off(found: files.HostFiles) -> bool:
    chosen = re.findall(
        r'(?:^|\s)rt_group_sched=(\w+)', found.text('proc/cmdline')
    )
    if chosen:
        return str(chosen[-1]).lower() in ('0', 'n', 'no', 'off', 'false')
    option = 'CONFIG_RT_GROUP_SCHED_DEFAULT_DISABLED'
    return found.kernel_option(option) == 'y'


def _libvirt_uses_cpu(found: files.HostFiles) -> bool:
    chosen = _CONTROLLERS.search(found.optional(_QEMU_CONF))
    return chosen is None or re.search(r'"cpu"', chosen.group(1)) is not None


CHECKS = (
    findings.Check(
        'rt-group-scheduling',
        'Real-time group scheduling',
        'Real-time threads are not scheduled by control group '
        '(RT_GROUP_SCHED), or libvirt does not use the cpu controller.',
        'A group starts without real-time runtime; libvirt gives none to its '
        'groups, so that SCHED_FIFO is refused with "Operation not '
        'permitted" and no real-time server starts.',
        'Use a kernel without CONFIG_RT_GROUP_SCHED, or boot with '
        'rt_group_sched=0 (Linux 6.15 and newer); else take "cpu" out of '
        'cgroup_controllers in /etc/libvirt/qemu.conf, where version 1 of '
        'control groups is used, and restart libvirt.',
        _group_scheduling,
    ),
)
