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
"""What the machine itself does: virtualise, and interrupt unasked."""

import re

from nova_ext import cpuset
from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

#: MSR_SMI_COUNT of Intel processors: 8 bytes, the lower 4 count.
_SMI_COUNT = 0x34
_INTEL = 'GenuineIntel'


def _kvm(seen: host.Host) -> findings.Observation:
    if seen.settings.virt_type != 'kvm':
        return findings.failed(
            '[libvirt]virt_type of nova.conf is %s' % seen.settings.virt_type
        )
    problem = seen.kvm.problem()
    if problem:
        return findings.failed(problem)
    flags = _field(seen.files, 'flags').split()
    # Only x86 processors have the line.
    if flags and not {'vmx', 'svm'} & set(flags):
        return findings.failed(
            '/dev/kvm makes virtual machines, and the processor shows neither '
            'vmx nor svm: many kernels do not boot on such a KVM'
        )
    if 'hypervisor' in flags:
        return findings.warning(
            'KVM works, and this host is a virtual machine itself'
        )
    return findings.passed('KVM works')


def _smi(seen: host.Host) -> findings.Observation:
    vendor = _field(seen.files, 'vendor_id')
    if vendor != _INTEL:
        raise files.Unreadable(
            'the processor (%s) has no counter of SMIs' % (vendor or 'not x86')
        )
    before = _counters(seen)
    seen.pause(seen.settings.smi_seconds)
    grown = {
        cpu: count - before[cpu]
        for cpu, count in _counters(seen).items()
        if count != before[cpu]
    }
    if grown:
        return findings.warning(
            '%d SMIs on CPUs %s within %.1f s'
            % (
                max(grown.values()),
                cpuset.render(grown),
                seen.settings.smi_seconds,
            )
        )
    return findings.passed(
        'none within %.1f s, up to %d since the machine was switched on'
        % (seen.settings.smi_seconds, max(before.values()))
    )


def _counters(seen: host.Host) -> dict[int, int]:
    return {
        cpu: int.from_bytes(
            seen.files.bytes_at('dev/cpu/%d/msr' % cpu, _SMI_COUNT, 8)[:4],
            'little',
        )
        for cpu in seen.dedicated()
    }


def _field(found: files.HostFiles, name: str) -> str:
    """A field of the first processor, or the empty text."""
    match = re.search(
        r'^%s\s*:(.*)$' % name, found.text('proc/cpuinfo'), re.MULTILINE
    )
    return match.group(1).strip() if match else ''


CHECKS = (
    findings.Check(
        'kvm',
        'KVM',
        '[libvirt]virt_type is kvm, and KVM makes virtual machines on a '
        'processor with vmx or svm that is not virtual itself.',
        'An emulated guest runs many times slower and stops for each '
        'translation; in a virtual machine the host may be preempted.',
        'Switch virtualisation on in the firmware, load kvm_intel or kvm_amd, '
        'and set [libvirt]virt_type = kvm in nova.conf.',
        _kvm,
    ),
    findings.Check(
        'smi',
        'System management interrupts',
        'No SMI comes while the counters are watched.',
        'The firmware stops a CPU for an SMI, up to milliseconds, and neither '
        'the kernel nor a guest can prevent it.',
        'To read the counters, run as root with the msr module loaded. To be '
        'rid of SMIs, choose the low-latency profile of the firmware, and '
        'switch off legacy USB and power capping there.',
        _smi,
        required=False,
    ),
)
