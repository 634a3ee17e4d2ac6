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
"""How often a guest that hears and does not answer is asked again.

Only recovery after audits is patient; a scale request asks at once.
"""

import threading

#: Failures in a row after which audits are left out, and at most how many.
FREE = 5
MOST = 63


class Patience:
    """Failures of each server, and the audits to leave out; thread-safe."""

    def __init__(self):
        """Start with none."""
        self._lock = threading.Lock()
        self._failures = {}
        self._left_out = {}

    def is_due(self, uuid):
        """Return whether a server's turn has come; call it once an audit."""
        with self._lock:
            left = self._left_out.get(uuid, 0)
            if left:
                self._left_out[uuid] = left - 1
            return not left

    def failed(self, uuid):
        """Note that the guest kept silent: ask half as often from now on."""
        with self._lock:
            count = self._failures.get(uuid, 0) + 1
            self._failures[uuid] = count
            self._left_out[uuid] = min(2 ** max(count - FREE, 0) - 1, MOST)

    def ended(self, uuid):
        """Forget a server whose guest has answered, or has gone."""
        with self._lock:
            self._failures.pop(uuid, None)
            self._left_out.pop(uuid, None)

    def keep(self, uuids):
        """Forget all but the servers that an audit found unfinished."""
        with self._lock:
            gone = self._failures.keys() - set(uuids)
        for uuid in gone:
            self.ended(uuid)
