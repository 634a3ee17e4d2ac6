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
"""Does a real-time vCPU notice that another server of its host scales?

cyclictest runs in server A on its real-time vCPU while server B is idle, and
again while B gives a core back and takes it again without a pause. A third
run tells what of the difference is scaling: it only asks for plans of B's
steps, which all of Nova's services work on and which move no core. Prints
all, and their ratios; judges nothing.

Both servers need two cores each. Where the machine has fewer, the cores of B
stand for the first CPU, which A's ordinary vCPU has; the CPU of A's real-time
vCPU has no other owner (:mod:`tests.lab.stand_ins`).

Run it with the lab's Python: ``./lab shell python -m
tests.perf.bench_lab_realtime``.
"""

import collections.abc
import json
import os
import platform
import sys
import time

from tests.lab import guest
from tests.lab import layout
from tests.lab import openstack
from tests.lab import probes
from tests.lab import progress
from tests.lab import rest
from tests.lab import servers
from tests.lab import test_realtime
from tests.perf import latencies

CORES = 4
ROUNDS = 2
SECONDS = 60
#: Seconds for cyclictest to start and to write its result.
SPARE = 30

RESULT = '/run/cyclictest.json'
CYCLICTEST = (
    'cyclictest --mlockall --priority=95 --threads=1 --affinity=1 '
    '--mainaffinity=0 --interval=1000 --quiet '
    f'--duration={SECONDS} --histogram=1000000 --json={RESULT}'
)

FIGURES: dict[str, collections.abc.Callable[[latencies.Latencies], float]] = {
    'samples': lambda found: found.count,
    'mean': lambda found: found.mean,
    'median': lambda found: found.quantile(50),
    '99 %': lambda found: found.quantile(99),
    '99.9 %': lambda found: found.quantile(99.9),
    '99.99 %': lambda found: found.quantile(99.99),
    'worst': lambda found: found.worst,
}

#: What happens on the host meanwhile, for how many seconds.
Other = collections.abc.Callable[[float], None]


class Steps:
    """Asks for steps of server B, and counts."""

    def __init__(self, users: servers.Servers) -> None:
        self._users = users
        self._path = f'/servers/{users.uuids["B"]}'
        self.done = 0
        self.planned = 0

    def scale(self, seconds: float) -> None:
        """Down and up without a pause; ends with all vCPUs online."""
        for _ in _until(seconds):
            for direction in ('down', 'up'):
                body = {'resource': 'cpu', 'direction': direction}
                self._users.member.post(
                    'compute', f'{self._path}/action', {'wrs-res:scale': body}
                )
                self.done += 1

    def plan(self, seconds: float) -> None:
        """The same road through Nova, without a step at its end."""
        for _ in _until(seconds):
            self._users.member.put(
                'compute',
                f'{self._path}/vcpu-scale?dry_run=true',
                {'vcpu_scale': {'online': 1}},
            )
            self.planned += 1


def _until(seconds: float) -> collections.abc.Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def measure(domain: guest.Guest, other: Other) -> latencies.Latencies:
    """Run cyclictest, and something else beside it."""
    # Nothing asks the guest as long as it measures.
    domain.run(f'rm -f {RESULT}; {CYCLICTEST} >/dev/null 2>&1 &')
    other(SECONDS)

    def look() -> str:
        return domain.run(f'test -f {RESULT} && cat {RESULT} || true')

    found = rest.wait_for('the result of cyclictest', look, SPARE, 1)
    return latencies.parse(json.loads(found))


def run(lab: openstack.Lab) -> None:
    """Measure, print."""
    users = servers.Servers(lab)
    try:
        users.boot('A', users.flavor('bench-rt', 2, test_realtime.REALTIME))
        users.boot('B', users.flavor('bench-2', 2, servers.SCALABLE))
        domain = users.probes.guest(users.uuids['A'])
        _conditions(lab, users, domain)
        steps = Steps(users)
        phases: dict[str, Other] = {
            'B idle': time.sleep,
            'B planning': steps.plan,
            'B scaling': steps.scale,
        }
        found: dict[str, list[latencies.Latencies]] = {}
        for number in range(1, ROUNDS + 1):
            progress.say(f'round {number} of {ROUNDS}')
            for title, other in phases.items():
                found.setdefault(title, []).append(measure(domain, other))
    finally:
        users.remove_all()
    progress.say(
        f'\nWake-up latency on the real-time vCPU, microseconds; '
        f'{ROUNDS} x {SECONDS} s each; {steps.planned} plans, '
        f'{steps.done} steps'
    )
    _report({title: latencies.add(part) for title, part in found.items()})
    for title, part in found.items():
        worst = ', '.join(str(one.worst) for one in part)
        progress.say(f'worst of each round, {title}: {worst}')


def _conditions(
    lab: openstack.Lab, users: servers.Servers, domain: guest.Guest
) -> None:
    chosen = lab.running_settings()
    cpus = len(os.sched_getaffinity(0))
    stood = ', '.join(map(str, chosen.stand_ins))
    lines = [
        f'host: {cpus} CPUs, Linux {platform.release()} '
        f'({_first(platform.version())}), nothing isolated, all services '
        f'of the lab on the same CPUs; load {os.getloadavg()[0]:.1f}',
        f'guests: {chosen.virt_type}, {domain.run("uname -r -v").strip()}',
        f'in A: {CYCLICTEST}',
    ]
    if stood:
        lines.append(f'cores {stood} stand for CPU {chosen.cores[0]}')
    for name, uuid in users.uuids.items():
        found = users.probes.server(name, uuid)
        lines += [
            f'{name}: vCPU {thread.vcpu} on core {found.pins[thread.vcpu]} '
            f'(CPU {_cpus(thread)}), {thread.policy}'
            for thread in found.threads
        ]
    for line in lines:
        progress.say(line)


def _cpus(thread: probes.Thread) -> str:
    return ','.join(map(str, sorted(thread.affinity)))


def _first(version: str) -> str:
    """The part of ``uname -v`` that names the preemption model."""
    words = [word for word in version.split() if word.startswith('PREEMPT')]
    return words[0] if words else 'no preemption'


def _report(found: dict[str, latencies.Latencies]) -> None:
    """A line a figure: each phase, and its ratio to the first one."""
    first, *others = found
    heads = [f'{title:>12}' for title in found]
    heads += [f'{title[2:] + "/" + first[2:]:>14}' for title in others]
    progress.say(' ' * 10 + ''.join(heads))
    for title, pick in FIGURES.items():
        values = [pick(one) for one in found.values()]
        cells = [f'{value:12.0f}' for value in values]
        cells += [f'{value / values[0]:14.2f}' for value in values[1:]]
        progress.say(f'{title:10}' + ''.join(cells))


def main() -> int:
    """Bring the lab up if it is not, measure, and leave it as it was."""
    lab = openstack.Lab(layout.from_environment(), cores=CORES)
    with lab.running():
        run(lab)
    return 0


if __name__ == '__main__':
    sys.exit(main())
