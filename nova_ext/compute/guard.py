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
"""One scale request, or recovery, at a time for each server."""

import contextlib
import threading

from nova_ext import exception


class Guard:
    """The servers that this process is scaling right now.

    The database's compare-and-swap keeps Nova's operations away; this keeps
    requests apart between reading an instance and that swap.
    """

    def __init__(self):
        """Start with none."""
        self._lock = threading.Lock()
        # By uuid: what it is held for.
        self._held = {}

    @contextlib.contextmanager
    def hold(self, uuid, reason='another scale request runs on it'):
        """Hold a server, without waiting.

        :param reason: what those read who find it held.
        :raises exception.ServerBusy: it is held already.
        """
        with self._lock:
            if uuid in self._held:
                raise exception.ServerBusy(
                    reason="Cannot 'scale' instance %s while %s"
                    % (uuid, self._held[uuid])
                )
            self._held[uuid] = reason
        try:
            yield
        finally:
            with self._lock:
                del self._held[uuid]
