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
"""The undo of the steps of an operation, in reverse."""

from collections.abc import Callable

from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class Undo:
    """A list of what would take back the steps that are done."""

    def __init__(self, server: str) -> None:
        """Start with nothing to undo.

        :param server: the server's uuid, for the log.
        """
        self._server = server
        self._actions: list[tuple[str, Callable[[], None]]] = []

    def add(self, what: str, action: Callable[[], None]) -> None:
        """Remember how to take back a step.

        :param what: the undo's name, for the log.
        """
        self._actions.append((what, action))

    def unwind(self) -> bool:
        """Undo everything, the last step first.

        It ends at the first undo that fails: each relies on the later ones,
        for example a thread becomes real-time again only once it is back on
        its own core.

        :returns: whether all was undone.
        """
        while self._actions:
            what, action = self._actions.pop()
            try:
                action()
            except Exception:
                LOG.exception(
                    'Server %(server)s: could not undo: %(what)s. The journal '
                    'is kept, and the next audit of the host repairs it.',
                    {'server': self._server, 'what': what},
                )
                return False
        return True
