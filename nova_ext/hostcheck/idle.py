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
"""Idle states: how long a CPU sleeps after it should have woken up."""

from nova_ext import cpuset
from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

#: Microseconds; a deeper state alone spoils the worst case.
_LIMIT = 10

#: The tightest demand of all programs, 4 bytes, in microseconds.
_DEMAND = 'dev/cpu_dma_latency'


def _idle_states(seen: host.Host) -> findings.Observation:
    demand = _demand(seen.files)
    if demand is not None and demand <= _LIMIT:
        return findings.passed(
            'a program keeps all CPUs from states of more than %d us' % demand
        )
    found = {
        cpu: _slowest(seen.files, cpu) for cpu in sorted(seen.dedicated())
    }
    deep = [cpu for cpu, latency in found.items() if latency > _LIMIT]
    if deep:
        return findings.warning(
            'CPUs %s may take up to %d us to wake up'
            % (cpuset.render(deep), max(found.values()))
        )
    return findings.passed(
        'the deepest state takes %d us to wake up' % max(found.values())
    )


def _demand(found: files.HostFiles) -> int | None:
    try:
        content = found.bytes_at(_DEMAND, 0, 4)
    except files.Unreadable:
        # Not root, or a kernel without it: the states themselves tell.
        return None
    return int.from_bytes(content, 'little', signed=True)


def _slowest(found: files.HostFiles, cpu: int) -> int:
    """The exit latency of the deepest state in use, 0 if there is none."""
    folder = 'sys/devices/system/cpu/cpu%d/cpuidle' % cpu
    if not found.exists(folder):
        # No driver of idle states, or the CPU is offline.
        found.names('sys/devices/system/cpu')
        return 0
    states = ['%s/%s' % (folder, state) for state in found.names(folder)]
    latencies = (
        found.number(state + '/latency')
        for state in states
        if found.optional(state + '/disable') != '1'
    )
    return max(latencies, default=0)


CHECKS = (
    findings.Check(
        'idle-states',
        'Idle states',
        'No dedicated CPU uses idle states that take more than %d us to '
        'leave.' % _LIMIT,
        'A real-time vCPU that sleeps lets its CPU go idle; a timer or '
        'message then waits until the CPU is back.',
        'Use the TuneD profile realtime-virtual-host, boot with '
        'intel_idle.max_cstate=1 or processor.max_cstate=1, or write 1 into '
        '/sys/devices/system/cpu/cpu<N>/cpuidle/state<M>/disable.',
        _idle_states,
        required=False,
    ),
)
