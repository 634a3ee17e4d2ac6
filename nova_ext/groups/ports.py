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
"""What the service knows of servers, and whom it asks: its two ports."""

from collections.abc import Iterable
import dataclasses
from typing import Any
from typing import Protocol

from nova_ext.groups import contract

#: The facts about one server: legacy key to value, see `payload`.
Facts = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Member:
    """A server, as far as messages need to know it.

    :ivar name: Nova's name of the instance, by which its channel is known.
    :ivar host: the compute host that it is on; empty while it has none.
    :ivar cell: by which `Courier` finds the message bus of that host.
    :ivar messaging: whether its flavor has messaging.
    """

    uuid: str
    name: str
    host: str
    project: str
    cell: str
    messaging: bool


@dataclasses.dataclass(frozen=True)
class Group:
    """A server group; members may be of several projects, or deleted."""

    uuid: str
    members: tuple[str, ...]


class Membership(Protocol):
    """Nova's records; each method reads them anew.

    Every method may raise `MembershipUnknown`.
    """

    def server_at(self, host: str, name: str) -> str | None:
        """Return the uuid of the instance of this name on a host."""

    def group_of(self, uuid: str) -> Group | None:
        """Return the group of a server, which may just have been deleted."""

    def members(self, uuids: Iterable[str]) -> dict[str, Member]:
        """Return those servers that exist, by uuid."""

    def facts(
        self, uuids: Iterable[str], deleted: bool = False
    ) -> dict[str, Facts]:
        """Return the facts of servers by uuid.

        :param deleted: also of those that were deleted.
        """


class MembershipUnknown(Exception):
    """Nova's records cannot be read; the text says why."""


class Courier(Protocol):
    """The way to the compute hosts, and to the other copies."""

    def deliver(
        self, cell: str, host: str, deliveries: list[contract.Delivery]
    ) -> str | None:
        """Send to the guests of a host; return why it was lost, or None."""

    def forget(self, what: contract.Changed) -> None:
        """Tell every copy, also this one, what it must read anew."""
