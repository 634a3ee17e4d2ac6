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
"""Guests' messages on their way out of a host, so that all get their turn."""

from collections import OrderedDict
from collections import deque
from collections.abc import Callable
import dataclasses
import threading
import time

from nova_ext.channel import limits
from nova_ext.wire import server_group

#: Seconds after which a quiet guest is as good as a new one: its budget is
#: full again.
_FORGOTTEN = 60.0


@dataclasses.dataclass(frozen=True)
class Waiting:
    """One guest's message, and when it came (`time.time`)."""

    instance: str
    message: server_group.FromGuest
    at: float


class _Guest:
    def __init__(self, rate: float) -> None:
        self.messages: deque[Waiting] = deque()
        self.budget = limits.Budget(rate)
        self.busy = False
        self.not_before = 0.0


class RelayQueue:
    """One queue a guest, served in turn.

    A guest's next message leaves when its last one is done with, and when its
    rate allows it. Safe to use from several threads.

    :param rate: messages per second of each guest.
    :param most: messages of each guest that wait.
    """

    def __init__(
        self,
        rate: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._most = most
        self._clock = clock
        self._changed = threading.Condition()
        # In the order in which they have their turn.
        self._guests: OrderedDict[str, _Guest] = OrderedDict()
        self._closed = False

    def put(self, instance: str, message: server_group.FromGuest) -> bool:
        """Add a guest's message; false when too many of it wait."""
        with self._changed:
            guest = self._guests.get(instance)
            if guest is None:
                guest = self._guests[instance] = _Guest(self._rate)
            if len(guest.messages) >= self._most:
                return False
            guest.messages.append(Waiting(instance, message, time.time()))
            self._changed.notify()
        return True

    def take(self) -> Waiting | None:
        """Wait for a message whose turn it is; None after `close`."""
        with self._changed:
            while not self._closed:
                found, pause = self._next()
                if found is not None:
                    return found
                self._changed.wait(pause)
        return None

    def done(self, instance: str) -> None:
        """Let the guest's next message go."""
        with self._changed:
            guest = self._guests.get(instance)
            if guest is not None:
                guest.busy = False
                self._changed.notify()

    def close(self) -> None:
        """End every `take`; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> tuple[Waiting | None, float | None]:
        """Return a message, or how long to wait for one (None: for ever)."""
        now = self._clock()
        pause: float | None = None
        for instance, guest in list(self._guests.items()):
            if guest.busy:
                continue
            if guest.not_before > now:
                if guest.messages:
                    wait = guest.not_before - now
                    pause = wait if pause is None else min(pause, wait)
                continue
            if not guest.messages:
                if now - guest.not_before > _FORGOTTEN:
                    del self._guests[instance]
                continue
            guest.busy = True
            guest.not_before = now + guest.budget.spend(1)
            self._guests.move_to_end(instance)
            return guest.messages.popleft(), None
        return None, pause
