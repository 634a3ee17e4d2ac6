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
"""How much work the announcements of one guest may make."""

import threading
import time

#: Announcements of one guest that are acted on in so many seconds.
COUNT = 5
PERIOD = 600.0


class Quota:
    """A few events of each name in each period; thread-safe."""

    def __init__(self, clock=time.monotonic):
        """Start with none.

        :param clock: returns seconds.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._counts = {}

    def admit(self, name):
        """Count an event, and return whether it is one of the few."""
        with self._lock:
            now = self._clock()
            if now - self._began >= PERIOD:
                self._began = now
                self._counts.clear()
            self._counts[name] = self._counts.get(name, 0) + 1
            return self._counts[name] <= COUNT
