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
"""The CPUs of real-time vCPUs: kept free, without tick, without siblings."""

from nova_ext import cpuset
from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

_CPU = 'sys/devices/system/cpu/'


def _dedicated(seen: host.Host) -> findings.Observation:
    if not seen.settings.dedicated_set:
        return findings.failed('it is not set')
    dedicated = seen.dedicated()
    online = seen.files.cpus(_CPU + 'online')
    if seen.settings.power_managed:
        online |= dedicated & seen.files.cpus(_CPU + 'present')
    if not dedicated <= online:
        return findings.failed(
            'CPUs %s are dedicated and not online'
            % cpuset.render(dedicated - online)
        )
    if dedicated == online:
        return findings.failed(
            'all CPUs, %s, are dedicated' % cpuset.render(online)
        )
    return findings.passed(
        'CPUs %s are dedicated, %s are left to the host'
        % (cpuset.render(dedicated), cpuset.render(online - dedicated))
    )


def _isolated(seen: host.Host) -> findings.Observation:
    isolated = seen.files.cpus(_CPU + 'isolated')
    # CPUs of isolated partitions, since Linux 6.7.
    partitions = 'sys/fs/cgroup/cpuset.cpus.isolated'
    if seen.files.exists(partitions):
        isolated |= seen.files.cpus(partitions)
    return _all_dedicated(seen, isolated, 'isolated')


def _nohz_full(seen: host.Host) -> findings.Observation:
    name = _CPU + 'nohz_full'
    if not seen.files.exists(name):
        # Without this folder nothing can be said.
        seen.files.names(_CPU)
        return findings.failed('the kernel is built without CONFIG_NO_HZ_FULL')
    return _all_dedicated(seen, seen.files.cpus(name), 'without a tick')


def _all_dedicated(
    seen: host.Host, found: frozenset[int], what: str
) -> findings.Observation:
    dedicated = seen.dedicated()
    shown = cpuset.render(found) or 'none'
    if dedicated <= found:
        return findings.passed('CPUs %s are %s' % (shown, what))
    return findings.failed(
        'the dedicated CPUs %s are not %s (those that are: %s)'
        % (cpuset.render(dedicated - found), what, shown)
    )


def _siblings(seen: host.Host) -> findings.Observation:
    dedicated = seen.dedicated()
    looked_at = dedicated
    if seen.settings.power_managed:
        # The kernel does not say which core an offline CPU belongs to.
        looked_at &= seen.files.cpus(_CPU + 'online')
    cores = {_siblings_of(seen.files, cpu) for cpu in looked_at}
    split = [core for core in cores if not core <= dedicated]
    if split:
        return findings.failed(
            'these cores are dedicated in part only: %s' % _shown(split)
        )
    shared = [core for core in cores if len(core) > 1]
    if shared:
        return findings.warning(
            'hyperthreading is on, and every core is dedicated as a whole: %s'
            % _shown(shared)
        )
    offline = dedicated - looked_at
    return findings.passed(
        'no dedicated CPU has a sibling'
        + (' (offline: %s)' % cpuset.render(offline) if offline else '')
    )


def _siblings_of(found: files.HostFiles, cpu: int) -> frozenset[int]:
    folder = '%scpu%d/topology/' % (_CPU, cpu)
    # The older name, which newer kernels keep.
    return found.cpus(folder + 'thread_siblings_list')


def _shown(cores: list[frozenset[int]]) -> str:
    return '; '.join(cpuset.render(core) for core in sorted(cores, key=min))


CHECKS = (
    findings.Check(
        'dedicated-cpus',
        'Dedicated CPUs',
        '[compute]cpu_dedicated_set names CPUs that are online, and leaves '
        'at least one to the host.',
        'Real-time vCPUs run on these CPUs only; everything else on the host '
        'needs a CPU that is not among them.',
        'Set [compute]cpu_dedicated_set in nova.conf, for example 2-15 on a '
        'host with CPUs 0-15, and restart nova-compute.',
        _dedicated,
    ),
    findings.Check(
        'isolated-cpus',
        'Isolated CPUs',
        'Every dedicated CPU is isolated from the scheduler.',
        'On other CPUs the kernel places any thread of the host, and a '
        'real-time vCPU waits for kernel threads and interrupts that came '
        'with it.',
        'Boot with isolcpus=managed_irq,domain,<cpu_dedicated_set>, or put '
        'the CPUs into an isolated cpuset partition.',
        _isolated,
    ),
    findings.Check(
        'nohz-full',
        'CPUs without a tick',
        'Every dedicated CPU runs without the scheduler tick.',
        'The tick interrupts a running vCPU up to 1000 times a second, and '
        'each time it leaves the guest.',
        'Boot a kernel with CONFIG_NO_HZ_FULL with '
        'nohz_full=<cpu_dedicated_set> rcu_nocbs=<cpu_dedicated_set>.',
        _nohz_full,
    ),
    findings.Check(
        'hyperthread-siblings',
        'Hyperthread siblings',
        'No dedicated CPU shares its core with another CPU.',
        'Two hardware threads share the units and caches of their core: what '
        'one does delays the other, by an unknown time.',
        'Boot with nosmt, or switch hyperthreading off in the firmware; or '
        'dedicate whole cores and use hw:cpu_thread_policy=isolate in '
        'real-time flavors.',
        _siblings,
    ),
)
