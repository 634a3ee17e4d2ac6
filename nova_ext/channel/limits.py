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
"""How much one guest may ask of the daemon, and of its log."""

from collections.abc import MutableMapping
import dataclasses
import threading
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging


@dataclasses.dataclass(frozen=True)
class Limits:
    """The options of ``[nova_ext_channel]`` that bound a guest or program.

    Sizes in bytes, rates per second, times in seconds.

    :ivar time_share: of the daemon's time that one guest may take, at most 1.
    """

    line_bytes: int = 16384
    nesting: int = 31
    message_rate: float = 1000.0
    byte_rate: float = 4194304.0
    time_share: float = 0.005
    turn_bytes: int = 16384
    turn_messages: int = 16
    guest_queue_bytes: int = 262144
    message_lifetime: float = 10.0
    program_queue_messages: int = 256
    reconnect_interval: float = 2.0


def from_conf(group: cfg.ConfigOpts.GroupAttr) -> Limits:
    """Return the limits that ``CONF.nova_ext_channel`` sets."""
    return Limits(
        line_bytes=group.max_line_bytes,
        nesting=group.max_nesting,
        message_rate=group.guest_message_rate,
        byte_rate=group.guest_byte_rate,
        time_share=group.guest_time_percent / 100,
        turn_bytes=group.turn_bytes,
        turn_messages=group.turn_messages,
        guest_queue_bytes=group.guest_queue_bytes,
        message_lifetime=group.message_lifetime,
        program_queue_messages=group.program_queue_messages,
        reconnect_interval=group.reconnect_interval,
    )


class Budget:
    """What one may spend: messages, bytes, and this process's time.

    Each holds one second's worth. It is only filled up, up to that, when one
    of them is used up, so that mostly the clock need not be read; at worst two
    seconds' worth are spent at once. It may be overdrawn; then the spender
    rests until it is paid back.

    :param message_rate: messages per second.
    :param byte_rate: bytes per second.
    :param time_share: seconds per second.
    """

    def __init__(
        self,
        message_rate: float,
        byte_rate: float = 1.0,
        time_share: float = 1.0,
    ) -> None:
        self._rates = (message_rate, byte_rate, time_share)
        self._messages, self._bytes, self._seconds = self._rates
        self._at = time.monotonic()

    def spend(
        self, messages: int, size: int = 0, seconds: float = 0.0
    ) -> float:
        """Return the seconds until nothing is overdrawn."""
        self._messages -= messages
        self._bytes -= size
        self._seconds -= seconds
        if self._messages >= 0 and self._bytes >= 0 and self._seconds >= 0:
            return 0.0
        return self._fill()

    def _fill(self) -> float:
        now = time.monotonic()
        elapsed, self._at = min(now - self._at, 1.0), now
        left = [
            min(left + elapsed * rate, rate)
            for left, rate in zip(
                (self._messages, self._bytes, self._seconds), self._rates
            )
        ]
        self._messages, self._bytes, self._seconds = left
        return max(
            0.0, *(-left / rate for left, rate in zip(left, self._rates))
        )


class LogGate:
    """Lets a few lines of one kind into the log, and counts the others.

    For any number of threads.

    :param lines: how many in each period.
    :param period: in seconds.
    """

    def __init__(self, lines: int = 5, period: float = 60.0) -> None:
        self._lines = lines
        self._period = period
        self._start = time.monotonic()
        self._used = 0
        self._held_back = 0
        self._lock = threading.Lock()

    def admit_to(
        self, logger: logging.BaseLoggerAdapter
    ) -> logging.BaseLoggerAdapter | None:
        """Return what logs one line as ``logger`` does, and ends it with how
        many were held back since the last; None to hold it back too."""
        with self._lock:
            if not self._admit():
                return None
            held_back, self._held_back = self._held_back, 0
        return _Counted(logger, held_back)

    def admit(self) -> bool:
        """Return whether a line may be logged; if not, count it."""
        with self._lock:
            return self._admit()

    def _admit(self) -> bool:
        now = time.monotonic()
        if now - self._start >= self._period:
            self._start = now
            self._used = 0
        if self._used >= self._lines:
            self._held_back += 1
            return False
        self._used += 1
        return True


class _Counted(logging.KeywordArgumentAdapter):
    """A logger that ends its line with how many before it were held back.

    `logging` looks past an adapter for the code that logs, as for any logger;
    a function would have to name it by ``stacklevel``, which oslo.log drops.
    """

    def __init__(
        self, logger: logging.BaseLoggerAdapter, held_back: int
    ) -> None:
        super().__init__(logger.logger, logger.extra)
        self._held_back = held_back

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """See `logging.LoggerAdapter.process`."""
        end = ' (%d before it not logged)' % self._held_back
        return super().process(msg + end, kwargs)
