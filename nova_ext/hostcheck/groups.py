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
    found = seen.files
    problem = _second_version(found)
    first = _mounted(found, 'cgroup', 'cpu')
    if first is not None:
        problem = _first_version(found, first)
    if not problem:
        return findings.passed('they are not scheduled by control group')
    # sched_setscheduler(2) of the kernel, and the accounting, then skip it.
    if found.number('proc/sys/kernel/sched_rt_runtime_us') < 0:
        return findings.passed(
            '%s, without effect while sched_rt_runtime_us is -1' % problem
        )
    return findings.failed(
        '%s, and libvirt puts QEMU into groups without real-time runtime'
        % problem
    )


def _mounted(
    found: files.HostFiles, kind: str, controller: str = ''
) -> str | None:
    """Where control groups are mounted."""
    for line in found.text('proc/mounts').splitlines():
        _, place, shown, options, *_ = line.split()
        if shown == kind and (
            not controller or controller in options.split(',')
        ):
            return place.lstrip('/')
    return None


def _first_version(found: files.HostFiles, place: str) -> str:
    """How version 1 schedules groups that libvirt makes, or nothing."""
    # The kernel shows this file only with RT_GROUP_SCHED in force.
    in_force = found.exists(place + '/cpu.rt_runtime_us')
    if not in_force or not _libvirt_uses_cpu(found):
        return ''
    return 'they are scheduled by control group (v1, at /%s)' % place


def _second_version(found: files.HostFiles) -> str:
    """How version 2 schedules groups, which get no real-time runtime."""
    place = _mounted(found, 'cgroup2')
    if place is None:
        return ''
    if 'cpu' not in found.text(place + '/cgroup.controllers').split():
        return ''
    if found.kernel_option('CONFIG_RT_GROUP_SCHED') != 'y':
        return ''
    if _switched_off(found):
        return ''
    return 'they are scheduled by control group (v2, at /%s)' % place


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
        'rt_group_sched=0 (Linux 6.15 and newer). Else set '
        'kernel.sched_rt_runtime_us=-1 in /etc/sysctl.d, which switches it '
        'off too; or, with version 1 of control groups, take "cpu" out of '
        'cgroup_controllers in /etc/libvirt/qemu.conf and restart libvirt.',
        _group_scheduling,
    ),
)
