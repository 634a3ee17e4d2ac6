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
"""What all hosts of one test share: effects, threads, guests and faults."""

from collections.abc import Callable
from typing import Any

from tests.functional.fakes import process
from tests.functional.fakes.effects import Effects
from tests.functional.fakes.guest import Coordinator
from tests.functional.fakes.guest import Guest
from tests.functional.fakes.kernel import Kernel


class Listener:
    """What a nova-compute hears, without the channel daemon."""

    def __init__(
        self, listeners: list[Callable[..., Any]], heard: Callable[..., Any]
    ) -> None:
        self._listeners = listeners
        self._heard = heard

    def start(self) -> None:
        self._listeners.append(self._heard)

    def stop(self) -> None:
        if self._heard in self._listeners:
            self._listeners.remove(self._heard)


class World:
    """The outside of every nova-compute of a test.

    :param parked: returns the vCPUs that a server's metadata names as
        offline, which is what a guest's boot script asks for.
    """

    def __init__(self, parked: Callable[[str], frozenset[int]]) -> None:
        self._parked = parked
        self.effects = Effects(process.current)
        self.kernel = Kernel(self.effects)
        #: By Nova's instance name, like the sockets of their channels.
        self.guests: dict[str, Guest] = {}
        self.coordinator = Coordinator(self.guests, self.effects)
        #: Whether guests run the boot script that asks the metadata service.
        self.boot_scripts = True
        #: The libvirt connection of each host, by the host's name.
        self.hosts: dict[str, Any] = {}
        #: Called with the domain at the source and the one at the destination
        #: while a live migration runs; raises libvirt's error if it fails.
        self.on_migration: Callable[[Any, Any], None] = lambda old, new: None
        #: Called when a live migration is to be aborted.
        self.on_abort: Callable[[], None] = lambda: None
        #: Where each running nova-compute hears announcements.
        self.listeners: list[Callable[..., Any]] = []

    def announcements(self, path: str, heard: Callable[..., Any]) -> Any:
        """Stand for :class:`nova_ext.scaling.announcements.Announcements`."""
        return Listener(self.listeners, heard)

    def announce(self, name: str) -> None:
        """Let a guest's scale agent announce itself to all hosts."""
        for heard in list(self.listeners):
            heard(name, frozenset(self.guests[name].online))

    def boot_guest(self, name: str, uuid: str, vcpus: int) -> None:
        """Boot the guest of a domain that has just started."""
        guest = self.guests.setdefault(name, Guest(vcpus))
        guest.vcpus = vcpus
        guest.boot(self._parked(uuid) if self.boot_scripts else frozenset())
