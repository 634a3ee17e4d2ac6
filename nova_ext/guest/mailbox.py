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
"""The one scale request that counts.

The host asks one thing at a time, so a newer request means that the older
one was given up, and a nack from the address that asked takes it back. This
is what keeps requests that were queued somewhere, and arrive late and
together, from being carried out one after the other.
"""

import threading
import time
from typing import Any
from typing import Dict
from typing import Optional


class Request(object):
    """A request that was received and may be overtaken.

    :param source: the address that asked.
    :param data: the message.
    :param deadline: `time.monotonic` seconds after which no answer counts.
    :ivar arrived: `time.monotonic` seconds at which it was received.
    :ivar wake: set when the request has become void.
    """

    def __init__(
        self, source: str, data: Dict[str, Any], deadline: float
    ) -> None:
        self.source = source
        self.data = data
        self.deadline = deadline
        self.arrived = time.monotonic()
        self.wake = threading.Event()
        self._withdrawn = False

    def withdraw(self) -> None:
        """Make the request void."""
        self._withdrawn = True
        self.wake.set()

    @property
    def void(self) -> Optional[str]:
        """Why nobody waits for the answer; None while somebody does."""
        if self._withdrawn:
            return 'the host has given it up'
        if time.monotonic() >= self.deadline:
            return 'its time is over'
        return None


class Mailbox(object):
    """Hands the newest request from the receiving to the working thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: Optional[Request] = None
        self._running: Optional[Request] = None
        self._closed = False

    def put(self, request: Request) -> None:
        """Leave a request; every earlier one becomes void."""
        with self._changed:
            self._withdraw_all()
            self._waiting = request
            self._changed.notify_all()

    def cancel(self, source: str) -> None:
        """Make the request void that came from this address."""
        with self._changed:
            for request in (self._waiting, self._running):
                if request is not None and request.source == source:
                    request.withdraw()

    def take(self) -> Optional[Request]:
        """Wait for a request and return it; None when the box is closed."""
        with self._changed:
            self._running = None
            while self._waiting is None and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            self._running, self._waiting = self._waiting, None
            return self._running

    def close(self) -> None:
        """End the work: what waits or runs becomes void."""
        with self._changed:
            self._closed = True
            self._withdraw_all()
            self._changed.notify_all()

    def _withdraw_all(self) -> None:
        for request in (self._waiting, self._running):
            if request is not None:
                request.withdraw()
