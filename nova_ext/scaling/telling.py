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
"""Tell a guest which vCPUs are parked.

A guest boots with all of its vCPUs online, and may bring one online by itself
at any time. Until it takes a parked vCPU offline that one only shares the
parking core.
"""

from collections.abc import Iterable

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.model.pinning import Layout
from nova_ext.scaling.ports import Coordinator

LOG = logging.getLogger(__name__)


class Telling:
    """Asks one guest.

    :ivar confirmed: the parked vCPUs that it says are offline.
    """

    def __init__(
        self, name: str, layout: Layout, guest: Coordinator, timeout: float
    ) -> None:
        """Take up a guest.

        :param name: Nova's instance name.
        :param layout: what the guest is to agree with.
        :param timeout: seconds for each question.
        """
        self.confirmed: set[int] = set()
        self._name = name
        self._layout = layout
        self._guest = guest
        self._timeout = timeout

    def take_offline(self, vcpus: Iterable[int]) -> None:
        """Ask for each parked vCPU of ``vcpus``, up to the first refusal.

        :raises exception.GuestSilent: no answer in time.
        :raises exception.ChannelUnavailable: there is no way to ask.
        """
        for vcpu in sorted(self._layout.offline & set(vcpus)):
            if vcpu not in self.confirmed and not self._ask(vcpu):
                return

    def _ask(self, vcpu: int) -> bool:
        """Return whether the guest has taken a parked vCPU offline."""
        try:
            chosen = self._guest.take_offline(self._name, self._timeout, vcpu)
        except exception.GuestRefused as error:
            # Such as an old agent, which does not know the hint, with
            # nothing left to take offline.
            LOG.warning(
                'Instance %(instance)s: the guest was asked to take vCPU '
                '%(vcpu)d offline again, and refused: %(error)s',
                {'instance': self._name, 'vcpu': vcpu, 'error': error},
            )
            return False
        if chosen in self._layout.offline:
            self.confirmed.add(chosen)
            return True
        if chosen in self._layout.online:
            # An old agent too: it chose by itself.
            self._guest.bring_online(
                self._name, chosen, self._layout.online, self._timeout
            )
        return False
