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
"""Find out, without the guest's help, whether it runs a parked vCPU.

The thread of a vCPU that is offline in its guest sleeps and uses no time at
all; that of an online one that idles is woken by the guest's timers. Only a
vCPU that runs in two looks after each other counts: the first may have met
the end of its guest's boot.
"""

from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Mapping
from dataclasses import dataclass

#: The share of the time above which a thread is taken to run. An idle Debian
#: has about 0.2 percent, an offline vCPU none; libvirt counts in 10 ms.
SHARE = 0.0005

#: Seconds that two looks must lie apart.
INTERVAL = 10.0


@dataclass(frozen=True)
class Look:
    """What one look at a running, scaled-down server saw.

    :ivar period: is another one when the times before it say nothing about
        now: the server has been started, told or scaled since.
    :ivar at: `time.monotonic` seconds.
    :ivar times: nanoseconds that each parked vCPU has run so far.
    """

    period: Hashable
    at: float
    times: Mapping[int, int]


class Detector:
    """Compares the looks at each server of a host."""

    def __init__(self) -> None:
        """Start with none."""
        self._looks: dict[str, Look] = {}
        self._suspects: dict[str, frozenset[int]] = {}

    def keep(self, servers: Collection[str]) -> None:
        """Forget all but these servers."""
        for known in self._looks.keys() - set(servers):
            del self._looks[known]
            self._suspects.pop(known, None)

    def see(self, server: str, look: Look) -> frozenset[int] | None:
        """Return the parked vCPUs that run; None while that is open.

        :param server: its uuid.
        """
        before = self._looks.get(server)
        if before is None or before.period != look.period:
            self._looks[server] = look
            self._suspects[server] = frozenset()
            return None
        if look.at - before.at < INTERVAL:
            return None
        self._looks[server] = look
        running = _running(before, look)
        found = running & self._suspects.get(server, frozenset())
        self._suspects[server] = running
        return None if running and not found else found


def _running(before: Look, after: Look) -> frozenset[int]:
    limit = (after.at - before.at) * 1e9 * SHARE
    return frozenset(
        vcpu
        for vcpu, spent in after.times.items()
        if spent - before.times.get(vcpu, spent) > limit
    )
