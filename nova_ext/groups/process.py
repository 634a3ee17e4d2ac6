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
"""What both programs have in common: how they start, are checked, and end."""

from collections.abc import Callable
import queue
import threading
import time
from typing import Any

from oslo_log import log as logging

from nova_ext.groups import monitor

LOG = logging.getLogger(__name__)

#: Longest pause in seconds between two checks while something is wrong, and
#: how long a start may take before it counts as such.
_SOON = 5.0
#: Seconds between two looks whether all has started.
_LOOK = 0.1
#: The start, among what health is about.
_START = 'start'
#: Seconds that parts which wait for the message bus get to end.
_END_TIMEOUT = 10.0

Check = Callable[[], 'str | None']


class Process:
    """A program whose parts start and end in threads beside the main one,
    because without the message bus either can take for ever.

    :param checks: what is checked now and then, by name; each returns what
        is wrong, or None.
    :param interval: seconds between two checks.
    :param reported: what else must be reported well before all is well.
    :ivar health: what is wrong at present.
    :ivar serving: set once everything has started.
    :ivar status: the exit status, once `run` has ended.
    """

    def __init__(
        self, checks: dict[str, Check], interval: float, *reported: str
    ) -> None:
        self.health = monitor.Health(*checks, *reported)
        self.serving = threading.Event()
        self.status = 0
        self._checks = checks
        self._interval = interval
        # No event: the handler of a signal would wait for its lock for ever
        # when the thread that it interrupts has just taken that.
        self._stops: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._servers: list[Any] = []
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End `run` soon; callable from signal handlers."""
        self._stops.put(None)

    def run(self, start: Callable[[], None]) -> None:
        """Start, and serve until `stop`.

        :param start: starts everything, and gives what must be ended to
            `add`.
        """
        threading.Thread(
            target=self._start, args=(start,), name='start', daemon=True
        ).start()
        late = time.monotonic() + _SOON
        pause = 0.0
        while not self._stopped_within(pause):
            if self.serving.is_set():
                self.health.report(_START, None)
                for name, check in self._checks.items():
                    self.health.report(name, check())
                pause = self._interval
                if self.health.problems():
                    pause = min(pause, _SOON)
            else:
                if time.monotonic() >= late:
                    self.health.report(
                        _START,
                        'not done, and nothing is served: the message bus '
                        'has not been reached yet; check [DEFAULT]'
                        'transport_url and whether the bus runs',
                    )
                pause = _LOOK
        ending = threading.Thread(target=self._end, name='end', daemon=True)
        ending.start()
        ending.join(_END_TIMEOUT)

    def _stopped_within(self, seconds: float) -> bool:
        """Wait for `stop`, at most so long; tell whether it was called."""
        try:
            self._stops.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def add(self, server: Any) -> None:
        """Stop a server of oslo.messaging, or whatever has its methods,
        before the process ends."""
        with self._lock:
            self._servers.append(server)

    def _start(self, start: Callable[[], None]) -> None:
        try:
            start()
        except Exception:
            LOG.exception('Cannot start')
            self.status = 1
            self.stop()
        else:
            LOG.info('Serving')
            self.serving.set()

    def _end(self) -> None:
        with self._lock:
            servers = list(reversed(self._servers))
        for server in servers:
            server.stop()
        for server in servers:
            server.wait()
