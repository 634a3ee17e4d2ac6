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
"""One thread that waits for descriptors and times, and calls who cares."""

from collections.abc import Callable
import heapq
import itertools
import os
import select
import time
import traceback
from typing import Protocol

from oslo_log import log as logging

from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
BROKEN = select.EPOLLHUP | select.EPOLLERR

#: Descriptors that are served before what they gave is sent on. The kernel
#: hands out the others first the next time.
_TURN = 16

Callback = Callable[[], None]


class Handler(Protocol):
    """Who is called when a descriptor is ready."""

    def on_ready(self, events: int) -> None:
        """Do what the events allow, without blocking."""

    def on_failure(self) -> None:
        """Give up after `on_ready` raised: leave the loop, free everything."""


class Loop:
    """An epoll loop with timers. Only `stop` may be called by others."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[float, int, Callback]] = []
        self._numbers = itertools.count()
        self._soon: list[Callback] = []
        self._ending: list[Callback] = []
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, READ)

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call the handler when one of the events, or a hang-up, occurs."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def change(self, fd: int, events: int) -> None:
        """Wait for other events of a watched descriptor."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; to be called before the descriptor is closed."""
        del self._handlers[fd]
        self._epoll.unregister(fd)

    def call_later(self, delay: float, callback: Callback) -> None:
        """Call once, after so many seconds."""
        entry = (time.monotonic() + delay, next(self._numbers), callback)
        heapq.heappush(self._timers, entry)

    def call_soon(self, callback: Callback) -> None:
        """Call once, after the others had their turn."""
        self._soon.append(callback)

    def at_turn_end(self, callback: Callback) -> None:
        """Call once, before the loop waits again."""
        self._ending.append(callback)

    def stop(self) -> None:
        """End `run`; callable from signal handlers and other threads."""
        os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Serve until `stop` is called."""
        poll, handler_of = self._epoll.poll, self._handlers.get
        while True:
            for fd, events in poll(self._patience(), _TURN):
                if fd == self._wake:
                    return
                handler = handler_of(fd)
                # An earlier handler of this turn may have ended this one.
                if handler is None:
                    continue
                # A fault in handling one guest must not end the others.
                try:
                    handler.on_ready(events)
                except Exception as error:
                    _tell('Serving a connection failed; it is closed', error)
                    handler.on_failure()
            if self._soon:
                soon, self._soon = self._soon, []
                _call(soon)
            if self._ending:
                ending, self._ending = self._ending, []
                _call(ending)

    def close(self) -> None:
        """Free the loop's own descriptors."""
        self._epoll.close()
        os.close(self._wake)

    def _patience(self) -> float:
        """Return how long to wait; what is due by now is put in line."""
        timers = self._timers
        if timers:
            now = time.monotonic()
            while timers and timers[0][0] <= now:
                self._soon.append(heapq.heappop(timers)[2])
        if self._soon or self._ending:
            return 0
        return timers[0][0] - now if timers else -1


def _call(callbacks: list[Callback]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception as error:
            _tell('An action of the guest channel failed', error)


def _tell(what: str, error: Exception) -> None:
    """Log our own fault, whose text may hold a guest's."""
    LOG.error(
        '%s: %s: %s\n%s',
        what,
        type(error).__name__,
        quoting.shown(str(error)),
        ''.join(traceback.format_tb(error.__traceback__)),
    )
