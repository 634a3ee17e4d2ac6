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
"""The kernel: its preemption model, its limits for real-time, its clock."""

import re

from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

_CLOCKS = 'sys/devices/system/clocksource/clocksource0/'
#: The clocks that are read without leaving the CPU.
_GOOD_CLOCKS = (
    'tsc',
    'arch_sys_counter',
    'timebase',
    'tod',
    'riscv_clocksource',
)

#: Since then a server for fair threads stands in for the throttling.
_FAIR_SERVER = (6, 12)
_FAIR_SERVERS = 'sys/kernel/debug/sched/fair_server'


def _preemption(seen: host.Host) -> findings.Observation:
    model = preemption_model(seen.files)
    found = 'the kernel is %s' % model
    if model == 'PREEMPT_RT':
        return findings.passed(found)
    if model == 'preempt=full':
        return findings.warning(found)
    return findings.failed(found)


def preemption_model(found: files.HostFiles) -> str:
    """Return ``PREEMPT_RT`` or, for example, ``preempt=voluntary``.

    :raises Unreadable: no file tells.
    """
    if found.optional('sys/kernel/realtime') == '1':
        return 'PREEMPT_RT'
    version = found.text('proc/sys/kernel/version').split()
    if 'PREEMPT_RT' in version:
        return 'PREEMPT_RT'
    if 'PREEMPT_DYNAMIC' in version:
        return 'preempt=%s' % _dynamic_model(found)
    return 'preempt=full' if 'PREEMPT' in version else 'preempt=none'


def _dynamic_model(found: files.HostFiles) -> str:
    """What was chosen at boot or since, else what the kernel was built for."""
    try:
        shown = found.text('sys/kernel/debug/sched/preempt')
    except files.Unreadable:
        # debugfs is not mounted, or the kernel is locked down.
        shown = ''
    chosen = re.search(r'\((\w+)\)', shown)
    if chosen:
        return chosen.group(1)
    chosen = re.search(r'\bpreempt=(\w+)', found.text('proc/cmdline'))
    if chosen:
        return chosen.group(1)
    for option, model in (
        ('CONFIG_PREEMPT', 'full'),
        ('CONFIG_PREEMPT_LAZY', 'lazy'),
        ('CONFIG_PREEMPT_VOLUNTARY', 'voluntary'),
    ):
        if found.kernel_option(option) == 'y':
            return model
    return 'none'


def _bandwidth(seen: host.Host) -> findings.Observation:
    if _release(seen.files) >= _FAIR_SERVER:
        return _fair_servers(seen)
    runtime = seen.files.number('proc/sys/kernel/sched_rt_runtime_us')
    period = seen.files.number('proc/sys/kernel/sched_rt_period_us')
    if runtime < 0 or runtime >= period:
        return findings.passed('sched_rt_runtime_us is %d' % runtime)
    return findings.failed(
        'sched_rt_runtime_us is %d: a busy real-time vCPU is stopped for '
        '%d us of every %d us' % (runtime, period - runtime, period)
    )


def _fair_servers(seen: host.Host) -> findings.Observation:
    runtimes = {
        cpu: seen.files.number('%s/cpu%d/runtime' % (_FAIR_SERVERS, cpu))
        for cpu in seen.dedicated()
    }
    if not any(runtimes.values()):
        return findings.passed('no dedicated CPU has a fair server')
    return findings.warning(
        'the fair servers of the dedicated CPUs have up to %d us: so long '
        'an ordinary thread that starves there stops a busy real-time vCPU '
        'in each period' % (max(runtimes.values()) // 1000)
    )


def _release(found: files.HostFiles) -> tuple[int, int]:
    text = found.text('proc/sys/kernel/osrelease')
    numbers = re.match(r'(\d+)\.(\d+)', text)
    if numbers is None:
        raise ValueError('the kernel release %r' % text)
    return int(numbers.group(1)), int(numbers.group(2))


def _clock(seen: host.Host) -> findings.Observation:
    current = seen.files.text(_CLOCKS + 'current_clocksource')
    offered = seen.files.optional(_CLOCKS + 'available_clocksource')
    found = '%s is used (offered: %s)' % (current, offered or 'unknown')
    if current in _GOOD_CLOCKS:
        return findings.passed(found)
    return findings.failed(found)


CHECKS = (
    findings.Check(
        'kernel-preemption',
        'Kernel preemption',
        'A PREEMPT_RT kernel.',
        'Only there everything in the kernel but short sections can be '
        'preempted by a real-time vCPU. With preempt=full the worst case has '
        'no known bound; with less it is a whole system call.',
        "Install the distribution's real-time kernel (kernel-rt, "
        'linux-image-rt-amd64, linux-realtime), or boot with preempt=full '
        'if a good average is enough.',
        _preemption,
    ),
    findings.Check(
        'rt-bandwidth',
        'Real-time bandwidth',
        'Real-time threads may use all the time of the dedicated CPUs.',
        'A guest that polls on a real-time vCPU would be stopped for a part '
        'of every second, 50 ms by default.',
        'Before Linux 6.12: sysctl -w kernel.sched_rt_runtime_us=-1, kept '
        'in /etc/sysctl.d. From 6.12 on, mount debugfs and write 0 into '
        '/sys/kernel/debug/sched/fair_server/cpu<N>/runtime of each '
        'dedicated CPU.',
        _bandwidth,
        required=False,
    ),
    findings.Check(
        'clock-source',
        'Clock source',
        'A clock that is read without leaving the CPU: tsc, arch_sys_counter, '
        'timebase or tod.',
        'A slow or shared clock (hpet, acpi_pm) costs microseconds at each '
        'timer of the host and of its guests.',
        'Boot with tsc=reliable if the hardware deserves it; else look in '
        "the kernel's log why the TSC was found unstable, and update the "
        'firmware.',
        _clock,
    ),
)
