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
"""How much one key, such as a group, may ask of the service."""

from collections import Counter
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading
import time


class Budgets:
    """An allowance for each key, which refills steadily.

    :param rate: units per second; ten seconds' worth can be saved up.
    :param size: how many keys are remembered; one that was not used for
        longest starts anew with a full allowance.
    """

    SAVED = 10.0

    def __init__(
        self,
        rate: float,
        size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, key: str, units: float) -> bool:
        """Take units, if the allowance has anything left; it may then be
        overdrawn by these units."""
        now = self._clock()
        full = self._rate * self.SAVED
        with self._lock:
            left, at = self._left.pop(key, (full, now))
            left = min(full, left + (now - at) * self._rate)
            granted = left > 0
            self._left[key] = (left - units if granted else left, now)
            if len(self._left) > self._size:
                self._left.popitem(last=False)
        return granted


class Shares:
    """At most so many of the workers work for one key at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    @contextlib.contextmanager
    def share(self, key: str) -> Iterator[bool]:
        """Yield whether the key may have one more worker for the block."""
        with self._lock:
            granted = self._busy[key] < self._most
            if granted:
                self._busy[key] += 1
        try:
            yield granted
        finally:
            if granted:
                self._release(key)

    def _release(self, key: str) -> None:
        with self._lock:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
