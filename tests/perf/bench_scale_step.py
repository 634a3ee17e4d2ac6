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
"""What one scale step is made of: counts, and the time of each part.

In one process, with Nova's fixtures and fake libvirt and the functional
ring's fake guest: the counts are those of a real host, the times are those of
this package and of Nova's objects alone. ``bench_lab_scale`` has the times of
the real thing. Prints, and judges nothing.

Run it with ``python -m tests.perf.bench_scale_step``.
"""

from collections.abc import Callable
import functools
import statistics
import sys
import time
from typing import Any
import unittest

# isort: off
# First: it prepares the environment that Nova's test classes look at.
import tests.functional.conftest  # noqa: F401

# isort: on
import fixtures
from nova.objects import compute_node
from nova.objects import instance
from nova.scheduler.client import report

from nova_ext.compute import tracker
from tests.functional import base
from tests.functional.fakes import guest

ROUNDS = 10

#: Part, the methods that are timed as it, and the effects that are counted.
PARTS: tuple[tuple[str, tuple[tuple[Any, str], ...], tuple[str, ...]], ...] = (
    (
        'guest round trip',
        (
            (guest.Coordinator, 'take_offline'),
            (guest.Coordinator, 'bring_online'),
        ),
        ('guest',),
    ),
    ('save of the instance', ((instance.Instance, 'save'),), ('save',)),
    (
        'placement request',
        (
            (report.SchedulerReportClient, 'get'),
            (report.SchedulerReportClient, 'put'),
        ),
        ('placement', 'placement read'),
    ),
    (
        'save of the compute node',
        ((compute_node.ComputeNode, 'save'),),
        ('save node',),
    ),
    ('pin', (), ('pin',)),
    ('audit of the host', (), ('audit',)),
    (
        'hold of compute_resources',
        ((tracker.ResourceTracker, '_switch'),),
        (),
    ),
)


class Stopwatch(fixtures.Fixture):
    """Adds up the time in the methods of ``PARTS``.

    :ivar spent: seconds of the current round, by part.
    :ivar calls: how often, by part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Begin a round."""
        self.spent = {part: 0.0 for part, _, _ in PARTS}
        self.calls = {part: 0 for part, _, _ in PARTS}

    def _setUp(self) -> None:
        for part, methods, _ in PARTS:
            for owner, name in methods:
                timed = self._timed(part, getattr(owner, name))
                self.useFixture(
                    fixtures.MockPatchObject(owner, name, new=timed)
                )

    def _timed(self, part: str, method: Any) -> Callable[..., Any]:
        @functools.wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.monotonic()
            try:
                return method(*args, **kwargs)
            finally:
                self.spent[part] += time.monotonic() - begun
                self.calls[part] += 1

        return timed


class ScaleStep(base.ScalingTestBase):
    """Steps of one server, down and up in turn."""

    def setUp(self) -> None:
        """Start a host with a plain and a real-time server."""
        super().setUp()
        self.watch = self.useFixture(Stopwatch())
        self.start_hosts('host1', cores=8)

    def measure(self) -> None:
        """Print a table for each kind of server and direction."""
        realtime = {'cpu_realtime': 'yes', 'cpu_realtime_mask': '^0'}
        for kind, extra in (('plain', {}), ('real-time', realtime)):
            server = self.boot(2, 1, numa_nodes='1', **extra)
            steps = [
                (direction, self._step(server, direction))
                for _ in range(ROUNDS)
                for direction in ('down', 'up')
            ]
            for direction in ('down', 'up'):
                print('\n%s server, one vCPU %s' % (kind, direction))
                _show([rows for way, rows in steps if way == direction])

    def _step(
        self, server: dict[str, Any], direction: str
    ) -> dict[str, tuple[int, float]]:
        """Return count and seconds of each part of one step."""
        effects = self.world.effects
        self.watch.reset()
        effects.record()
        begun = time.monotonic()
        answer = self.scale(server, direction)
        whole = time.monotonic() - begun
        effects.stop()
        self.assertEqual((202, ''), answer)
        rows = {
            part: (
                effects.count(*names) if names else self.watch.calls[part],
                self.watch.spent[part],
            )
            for part, _, names in PARTS
        }
        return {**rows, 'request to done': (1, whole)}


def _show(rounds: list[dict[str, tuple[int, float]]]) -> None:
    print('%-28s %5s %12s' % ('part', 'count', 'ms (median)'))
    for part in rounds[0]:
        counts = sorted({each[part][0] for each in rounds})
        spent = statistics.median(each[part][1] for each in rounds)
        print(
            '%-28s %5s %12s'
            % (
                part,
                '-'.join(str(count) for count in (counts[0], counts[-1]))
                if len(counts) > 1
                else counts[0],
                '%.1f' % (spent * 1000) if spent else '-',
            )
        )


if __name__ == '__main__':
    outcome = unittest.TextTestRunner(stream=sys.stderr).run(
        ScaleStep('measure')
    )
    sys.exit(not outcome.wasSuccessful())
