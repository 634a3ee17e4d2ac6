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
"""What the fakes see and do, in order: to count, to break and to kill."""

from collections.abc import Callable
import threading
from typing import Any

from oslo_concurrency import lockutils


class Killed(BaseException):  # noqa: N818 (not an error: the process is gone)
    """The process died here; nothing in it may catch this."""


class Fault:
    """An effect that fails from one time to another."""

    def __init__(
        self, error: Exception, first: int, last: int | None, late: bool
    ) -> None:
        self._error = error
        self._first = first
        self._last = last
        self._late = late
        self._seen = 0

    def hit(self, late: bool) -> None:
        if late != self._late:
            return
        self._seen += 1
        past = self._last is not None and self._seen > self._last
        if self._seen >= self._first and not past:
            raise self._error


class Effects:
    """Every effect of nova-compute outside its own process.

    An effect is announced just before it happens. From the moment that
    :meth:`kill_before` is due, the process counts as dead: this effect and
    all later ones of it raise, whatever the code does about it. So undo in
    ``finally`` helps as little as with SIGKILL.

    :param whose: returns the process that the calling thread runs in.
    """

    def __init__(self, whose: Callable[[], Any] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._whose = whose
        self._kill_at: int | None = None
        self._victim: Any = None
        #: The processes that have died, the last one last.
        self.dead: list[Any] = []
        #: Called with each effect of nova-compute, which waits for it.
        self.meanwhile: Callable[[str], None] | None = None
        #: Set while the process to be killed is dead.
        self.died = threading.Event()
        self._recording = False
        self._faults: dict[str, Fault] = {}
        self.log: list[str] = []
        #: The effects that happened while their thread held Nova's lock.
        self.under_lock: list[str] = []

    def record(self) -> None:
        """Start to count from zero."""
        with self._lock:
            self.log, self.under_lock = [], []
            self._recording = True

    def stop(self) -> list[str]:
        """Stop counting, and return the names of what happened."""
        with self._lock:
            self._recording = False
            return self.log

    def kill_before(self, number: int, process: Any = None) -> None:
        """Let a process die just before its effect ``number``, from 1.

        :param process: None for whichever has that effect.
        """
        self.record()
        with self._lock:
            self._kill_at, self._victim = number, process

    def revive(self) -> bool:
        """Kill no more; returns whether the process has died.

        What is dead stays so: a new process takes its place.
        """
        with self._lock:
            self._kill_at = self._victim = None
            self._recording = False
            died = self.died.is_set()
            self.died.clear()
            return died

    def fail(
        self,
        name: str,
        error: Exception,
        start: int = 1,
        times: int | None = None,
        late: bool = False,
    ) -> None:
        """Let an effect fail.

        :param name: the effect that fails.
        :param start: the first that fails, counted from now, from 1.
        :param times: how many in a row fail; None for all until :meth:`heal`.
        :param late: it happens all the same, only its answer is lost.
        """
        with self._lock:
            last = None if times is None else start + times - 1
            self._faults[name] = Fault(error, start, last, late)

    def heal(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    def happens(self, name: str) -> None:
        """Announce an effect.

        :raises Killed: the process is dead, or dies now.
        :raises Exception: the error of :meth:`fail`.
        """
        process = self._whose()
        if self.meanwhile is not None and process is not None:
            self.meanwhile(name)
        with self._lock:
            if any(process is one for one in self.dead):
                raise Killed(name)
            if name in self._faults:
                self._faults[name].hit(late=False)
            if not self._recording or process is None:
                return
            if self._victim not in (None, process):
                return
            if self._kill_at == len(self.log) + 1:
                self.dead.append(process)
                self.log.append(name)
                self.died.set()
                raise Killed(name)
            self.log.append(name)
            if lockutils.internal_fair_lock('compute_resources').is_writer():
                self.under_lock.append(name)

    def happened(self, name: str) -> None:
        """Announce that an effect is over and about to be answered.

        :raises Exception: the error of :meth:`fail` with ``late``.
        """
        with self._lock:
            if name in self._faults:
                self._faults[name].hit(late=True)

    def count(self, *names: str) -> int:
        """Return how often the named effects happened."""
        return sum(name in names for name in self.log)
