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
"""The kernel's view of QEMU's threads: affinity and scheduling policy."""

from collections.abc import Iterable
from dataclasses import dataclass
import errno
import itertools
import os

from tests.functional.fakes.effects import Effects


@dataclass
class Thread:
    """One vCPU thread.

    :ivar spent: nanoseconds that it has run.
    """

    affinity: frozenset[int]
    policy: int = os.SCHED_OTHER
    priority: int = 0
    spent: int = 0


class Kernel:
    """The threads of all domains of all hosts.

    :ivar refuses: True when no policy may be changed (EPERM).
    :ivar moved: what threads were moved to other CPUs while they ran
        SCHED_FIFO, which never may be: on the way they run on a core that is
        another thread's.
    """

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._ids = itertools.count(4_000_000)
        self.threads: dict[int, Thread] = {}
        self.refuses = False
        self.moved: list[str] = []

    def start(self, affinities: Iterable[frozenset[int]]) -> list[int]:
        """Start a domain's vCPU threads; return their ids in vCPU order."""
        ids = []
        for affinity in affinities:
            ids.append(next(self._ids))
            self.threads[ids[-1]] = Thread(affinity)
        return ids

    def end(self, ids: Iterable[int]) -> None:
        """End threads; unknown ones are fine."""
        for thread_id in ids:
            self.threads.pop(thread_id, None)

    def pin(self, thread_id: int, affinity: frozenset[int]) -> None:
        """Stand for ``sched_setaffinity(2)``, which libvirt calls."""
        thread = self.threads[thread_id]
        if thread.policy == os.SCHED_FIFO and thread.affinity != affinity:
            self.moved.append(
                'from %s to %s' % (set(thread.affinity), set(affinity))
            )
        thread.affinity = affinity

    def sched_setscheduler(
        self, thread_id: int, policy: int, param: os.sched_param
    ) -> None:
        """Stand for ``os.sched_setscheduler``."""
        self._effects.happens('policy')
        if thread_id not in self.threads:
            raise ProcessLookupError(errno.ESRCH, 'no such thread')
        if self.refuses:
            raise PermissionError(errno.EPERM, 'Operation not permitted')
        thread = self.threads[thread_id]
        thread.policy = policy
        thread.priority = param.sched_priority
