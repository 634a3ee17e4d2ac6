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
"""A guest with its SDK agent, as the coordinator sees it."""

from collections.abc import Callable
from typing import Any

from nova_ext import exception
from tests.functional.fakes.effects import Effects


class Guest:
    """The kernel and the agents in one guest.

    :ivar online: the vCPUs that its kernel uses.
    :ivar asked: the requests that reached it, in order.
    :ivar listens: False when no agent has opened the channel.
    :ivar knows_hints: False for an old agent, which always chooses itself.
    :ivar meanwhile: called with each request, while the host waits.
    """

    def __init__(self, vcpus: int) -> None:
        self.vcpus = vcpus
        self.online = set(range(vcpus))
        self.asked: list[tuple[str, int | None]] = []
        self.listens = True
        self.knows_hints = True
        self.meanwhile: Callable[[], Any] | None = None
        self._pick: Callable[[], int] | None = None
        self._silent: set[str] = set()
        self._refuses: set[str] = set()
        self._dies_after: set[str] = set()

    # -- how it misbehaves -------------------------------------------------

    def is_silent(self, *directions: str) -> None:
        """Neither act nor answer any more; without directions: recover."""
        self._silent = set(directions)

    def refuses(self, *directions: str) -> None:
        """Answer with a failure; without directions: recover."""
        self._refuses = set(directions)

    def dies_after(self, *directions: str) -> None:
        """Act, and never answer; without directions: recover."""
        self._dies_after = set(directions)

    def picks(self, vcpu: int | None) -> None:
        """Name this vCPU whatever is asked, as a wrong helper does."""
        self._pick = None if vcpu is None else lambda: vcpu

    # -- what it does ------------------------------------------------------

    def boot(self, offline: frozenset[int]) -> None:
        """Start: all vCPUs are online until the boot script has run."""
        self.online = set(range(self.vcpus)) - offline

    def take_offline(self, hint: int | None, timeout: float) -> int:
        self._hear('down', hint, timeout)
        vcpu = self._pick() if self._pick else self._choose(hint)
        if vcpu != 0:
            self.online.discard(vcpu)
        self._answer('down', timeout)
        return vcpu

    def bring_online(self, vcpu: int, timeout: float) -> None:
        self._hear('up', vcpu, timeout)
        if not 0 <= vcpu < self.vcpus:
            raise exception.GuestRefused(reason='no CPU %d' % vcpu)
        self.online.add(vcpu)
        self._answer('up', timeout)

    def _choose(self, hint: int | None) -> int:
        if self.knows_hints and hint in self.online:
            return hint
        if self.online == {0}:
            raise exception.GuestRefused(reason='no CPU can go offline')
        return max(self.online)

    def _hear(self, direction: str, vcpu: int | None, timeout: float) -> None:
        self.asked.append((direction, vcpu))
        if self.meanwhile is not None:
            self.meanwhile()
        if direction in self._silent or not self.listens:
            raise exception.GuestSilent(timeout=timeout)
        if direction in self._refuses:
            raise exception.GuestRefused(reason='the helper failed')

    def _answer(self, direction: str, timeout: float) -> None:
        if direction in self._dies_after:
            raise exception.GuestSilent(timeout=timeout)


class Coordinator:
    """Stands for ``nova_ext.scaling.coordinator.AgentCoordinator``.

    :ivar away: True when the channel daemon of the host is down.
    """

    def __init__(self, guests: dict[str, Guest], effects: Effects) -> None:
        self._guests = guests
        self._effects = effects
        self.away = False

    def take_offline(
        self, instance_name: str, timeout: float, vcpu: int | None = None
    ) -> int:
        return self._guest(instance_name).take_offline(vcpu, timeout)

    def bring_online(
        self,
        instance_name: str,
        vcpu: int,
        online: frozenset[int],
        timeout: float,
    ) -> None:
        assert vcpu in online
        self._guest(instance_name).bring_online(vcpu, timeout)

    def _guest(self, name: str) -> Guest:
        self._effects.happens('guest')
        if self.away:
            raise exception.ChannelUnavailable(
                path='/run/x.sock', reason='connection refused'
            )
        return self._guests[name]
