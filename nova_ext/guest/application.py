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
"""The application's say in scaling, by whichever way it has one.

If there are hooks (`nova_ext.guest.hooks`), they are asked and the helper of
old (`nova_ext.guest.helper`) is not.
"""

from typing import Iterable
from typing import List
from typing import Optional

from nova_ext.guest import helper
from nova_ext.guest import hooks
from nova_ext.guest import runner


class Application(object):
    """What the application says.

    :param old: the helper.
    :param new: the hooks.
    """

    def __init__(
        self,
        old: Optional[helper.Helper] = None,
        new: Optional[hooks.Hooks] = None,
    ) -> None:
        self._helper = old or helper.Helper()
        self._hooks = new or hooks.Hooks()

    def choose(
        self, online: Iterable[int], limit: runner.Limit
    ) -> Optional[int]:
        """Return the CPU that the application gives up.

        None leaves the choice to the agent.

        :raises hooks.Refused: it gives none up.
        :raises runner.Timeout: it took too long.
        """
        if self._hooks.paths():
            return self._hooks.choose(online, limit)
        return self._helper.pick(limit)

    def leave(
        self,
        cpu: int,
        online: Iterable[int],
        required: bool,
        limit: runner.Limit,
    ) -> None:
        """Let the application stop using a CPU that goes offline next.

        :param required: it cannot refuse.
        :raises hooks.Refused: it does not.
        """
        self._hooks.leave(cpu, online, required, limit)

    def join(
        self,
        cpu: int,
        online: Iterable[int],
        announced: List[int],
        limit: runner.Limit,
    ) -> None:
        """Tell the application that a CPU came online.

        :param online: the CPUs that are online.
        :param announced: those of which the host says that they are.
        :raises hooks.Refused: it does not want it.
        """
        if self._hooks.paths():
            self._hooks.join(cpu, online, limit)
        else:
            self._helper.added(cpu, announced, limit)

    def returned(self, cpu: int, online: Iterable[int]) -> None:
        """Tell it that a CPU which it has left is online all the same."""
        self._hooks.step_back(hooks.ONLINE, cpu, online)

    def withdrawn(self, cpu: int, online: Iterable[int]) -> None:
        """Tell it that a CPU which it has joined goes offline again."""
        self._hooks.step_back(hooks.OFFLINE, cpu, online)
