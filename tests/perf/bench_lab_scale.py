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
"""What a scale step costs on the real lab, beside its floor and a pause.

Prints, and judges nothing. The floor is what no implementation can leave out:
the guest's own offlining or onlining, asked for over the same channel, and
the pins and the policy of the thread, done by hand in the same run on the
same guest. The times of the parts are those that nova-compute logs.

Run it with the lab's Python: ``./lab shell python -m
tests.perf.bench_lab_scale``.
"""

import collections.abc
import contextlib
import dataclasses
import os
import re
import statistics
import sys
import time

import libvirt
import libvirt_qemu

from nova_ext.hypervisor import domain
from nova_ext.hypervisor import monitor
from nova_ext.scaling import coordinator
from tests.lab import layout
from tests.lab import libvirt as lab_libvirt
from tests.lab import openstack
from tests.lab import progress
from tests.lab import servers

ROUNDS = 15
GUEST_TIMEOUT = 10.0
LOGGED = re.compile(r'scale (down|up) .*Milliseconds: ([^.]*(?:\.\d[^.]*)*)')


@dataclasses.dataclass
class Times:
    """Milliseconds of each round, by what was measured."""

    rounds: dict[str, list[float]] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def measure(self, what: str) -> collections.abc.Iterator[None]:
        """Count one round."""
        start = time.monotonic()
        yield
        self.add(what, (time.monotonic() - start) * 1000)

    def add(self, what: str, milliseconds: float) -> None:
        """Count one round that was measured elsewhere."""
        self.rounds.setdefault(what, []).append(milliseconds)

    def median(self, what: str) -> float:
        """The middle of all rounds."""
        return statistics.median(self.rounds[what])

    def lines(self) -> list[str]:
        """A table: what, median, least and most."""
        return [
            f'{what:28} {statistics.median(found):8.1f} '
            f'{min(found):8.1f} {max(found):8.1f}'
            for what, found in self.rounds.items()
        ]


class ByHand:
    """A scale step without Nova, on the guest of a running server."""

    def __init__(self, paths: layout.Layout, name: str) -> None:
        self._name = name
        self._guest = coordinator.AgentCoordinator(
            str(paths.run / 'nova-ext' / 'channel.sock')
        )
        found = libvirt.open(lab_libvirt.uri(paths)).lookupByName(name)
        self._thread = monitor.thread_ids(
            found, libvirt_qemu.qemuMonitorCommand
        )[1]
        self._domain = domain.LiveDomain(
            found,
            libvirt.libvirtError,
            libvirt_qemu.qemuMonitorCommand,
            priority=1,
        )

    def down(self, times: Times) -> None:
        """Offline vCPU 1, make it ordinary, park it."""
        with times.measure('floor down'):
            vcpu = self._guest.take_offline(self._name, GUEST_TIMEOUT)
            self._make_ordinary()
            self._domain.pin_vcpus({vcpu: 0})

    def up(self, times: Times) -> None:
        """Pin vCPU 1 back, set its policy, online it."""
        with times.measure('floor up'):
            self._domain.pin_vcpus({1: 1})
            self._make_ordinary()
            self._guest.bring_online(
                self._name, 1, frozenset({0, 1}), GUEST_TIMEOUT
            )

    def _make_ordinary(self) -> None:
        # As dear as making it real-time, and safe on any host.
        os.sched_setscheduler(self._thread, os.SCHED_OTHER, os.sched_param(0))


def run(lab: openstack.Lab) -> None:
    """Measure, print."""
    users = servers.Servers(lab)
    times = Times()
    try:
        users.boot('A', users.flavor('bench-2', 2, servers.SCALABLE))
        name = users.probes.guest(users.uuids['A']).domain
        hand = ByHand(lab.paths, name)
        for number in range(ROUNDS):
            progress.say(f'round {number + 1} of {ROUNDS}')
            hand.down(times)
            hand.up(times)
            for direction in ('down', 'up'):
                _scale(users, direction, times)
            _pause(users, times)
    finally:
        users.remove_all()
    for direction, part, milliseconds in _parts(lab.paths):
        times.add(f'  {direction}: {part}', milliseconds)
    _report(times)


def _scale(users: servers.Servers, direction: str, times: Times) -> None:
    body = {'wrs-res:scale': {'resource': 'cpu', 'direction': direction}}
    path = f'/servers/{users.uuids["A"]}/action'
    with times.measure(f'scale {direction}'):
        users.member.post('compute', path, body)


def _pause(users: servers.Servers, times: Times) -> None:
    path = f'/servers/{users.uuids["A"]}/action'
    for action, wanted in (('pause', 'PAUSED'), ('unpause', 'ACTIVE')):
        with times.measure(action):
            users.member.post('compute', path, {action: None})
            deadline = time.monotonic() + 60
            while users.show('A')['status'] != wanted:
                if time.monotonic() > deadline:
                    raise TimeoutError(f'{action} did not end')


def _parts(
    paths: layout.Layout,
) -> collections.abc.Iterator[tuple[str, str, float]]:
    """What nova-compute logged of the last rounds, by part."""
    text = (paths.logs / 'nova-compute.log').read_text(errors='replace')
    found = LOGGED.findall(text)[-2 * ROUNDS :]
    for direction, spent in found:
        for part in spent.split(', '):
            name, milliseconds = part.rsplit(' ', 1)
            yield direction, name, float(milliseconds)


def _report(times: Times) -> None:
    progress.say(f'\n{ROUNDS} rounds, milliseconds: median, least, most')
    for line in times.lines():
        progress.say(line)
    for direction in ('down', 'up'):
        wanted = times.median(f'floor {direction}') + times.median('pause')
        found = times.median(f'scale {direction}')
        progress.say(
            f'scale {direction} / (floor + pause) = {found / wanted:.2f}'
        )


def main() -> int:
    """Bring the lab up if it is not, measure, and leave it as it was."""
    lab = openstack.Lab(layout.from_environment())
    with lab.running():
        run(lab)
    return 0


if __name__ == '__main__':
    sys.exit(main())
