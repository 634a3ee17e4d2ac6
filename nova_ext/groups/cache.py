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
"""A bounded cache that never keeps what was read before it was told to
forget."""

from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Iterable
import threading
import time
from typing import Generic
from typing import TypeVar

K = TypeVar('K')
V = TypeVar('V')


class Cache(Generic[K, V]):
    """Values by key; the longest unused goes first when it is full.

    Safe to use from several threads.

    :param size: how many values it keeps.
    :param lifetime: seconds after which a value is read anew in any case.
    """

    def __init__(
        self,
        size: int,
        lifetime: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()
        # One for each key that is being read; it vanishes when the key is
        # forgotten meanwhile, and then the value is not kept.
        self._reading: dict[K, object] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K, read: Callable[[K], V]) -> V:
        """Return the value, read now if it is not kept.

        Whatever ``read`` raises goes through, and nothing is kept.
        """
        return self.get_all([key], lambda keys: {keys[0]: read(keys[0])})[key]

    def get_all(
        self, keys: Iterable[K], read: Callable[[list[K]], dict[K, V]]
    ) -> dict[K, V]:
        """Return the values of several keys, missing ones read in one go.

        Keys that ``read`` leaves out are left out here.
        """
        found, missing = self._look(keys)
        if missing:
            tokens = self._begin(missing)
            try:
                fresh = read(missing)
            except BaseException:
                self._end(tokens, {})
                raise
            self._end(tokens, fresh)
            found.update(fresh)
        return found

    def forget(self, key: K) -> None:
        """Read this value anew the next time."""
        with self._lock:
            self._kept.pop(key, None)
            self._reading.pop(key, None)

    def forget_if(self, stale: Callable[[V], bool]) -> None:
        """Read the values anew for which the function is true, and whatever
        is being read now."""
        with self._lock:
            for key in [k for k, (_, v) in self._kept.items() if stale(v)]:
                del self._kept[key]
            self._reading.clear()

    def _look(self, keys: Iterable[K]) -> tuple[dict[K, V], list[K]]:
        found: dict[K, V] = {}
        missing = []
        oldest = self._clock() - self._lifetime
        with self._lock:
            for key in keys:
                kept = self._kept.get(key)
                if kept is None or kept[0] < oldest:
                    missing.append(key)
                else:
                    self._kept.move_to_end(key)
                    found[key] = kept[1]
        return found, missing

    def _begin(self, keys: list[K]) -> dict[K, object]:
        with self._lock:
            return {
                key: self._reading.setdefault(key, object()) for key in keys
            }

    def _end(self, tokens: dict[K, object], fresh: dict[K, V]) -> None:
        with self._lock:
            now = self._clock()
            for key, token in tokens.items():
                if self._reading.get(key) is not token:
                    continue
                del self._reading[key]
                if key in fresh:
                    self._kept[key] = (now, fresh[key])
                    self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
