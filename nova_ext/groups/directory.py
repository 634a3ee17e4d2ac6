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
"""Who is who: the membership that messages need, kept for a while.

Nova's notifications keep it true: whatever they tell of is read anew. Should
one get lost, nothing is older than the caches' lifetime.
"""

import weakref

from nova_ext.groups import cache
from nova_ext.groups import contract
from nova_ext.groups import ports


class Directory:
    """The cached side of `ports.Membership`.

    Every method may raise `ports.MembershipUnknown`.

    :param size: how many servers it remembers.
    :param lifetime: seconds after which anything is read anew.
    """

    def __init__(
        self, membership: ports.Membership, size: int, lifetime: float
    ) -> None:
        self._membership = membership
        self._names: cache.Cache[tuple[str, str], str | None] = cache.Cache(
            size, lifetime
        )
        self._groups: cache.Cache[str, ports.Group | None] = cache.Cache(
            size, lifetime
        )
        # So that a group is kept once and not once for each of its members.
        # Every worker's thread looks here without a lock: one that overwrites
        # what another has put here costs a second copy, for as long as the
        # cache has it, and nothing else.
        self._kept: weakref.WeakValueDictionary[str, ports.Group] = (
            weakref.WeakValueDictionary()
        )
        # None for a server that does not exist, or not yet.
        self._members: cache.Cache[str, ports.Member | None] = cache.Cache(
            size, lifetime
        )

    def sender(self, host: str, name: str) -> ports.Member | None:
        """Return the server whose guest spoke on a host."""
        key = (host, name)
        for _ in range(2):
            uuid = self._names.get(
                key, lambda key: self._membership.server_at(*key)
            )
            member = uuid and self._lookup([uuid]).get(uuid)
            if member and member.name == name:
                return member
            # Its name may belong to another server by now.
            self._names.forget(key)
        return None

    def group_of(self, uuid: str) -> ports.Group | None:
        """Return the group of a server."""
        return self._groups.get(uuid, self._read_group)

    def peers(
        self, group: ports.Group, uuid: str, project: str
    ) -> list[ports.Member]:
        """Return who hears of a server: the other members that have
        messaging, are on a host, and belong to the same project.

        Nova lets a project's server join another project's group; they hear
        nothing of each other.
        """
        others = [other for other in group.members if other != uuid]
        found = self._lookup(others)
        return [
            member
            for member in map(found.get, others)
            if member
            and member.messaging
            and member.host
            and member.project == project
        ]

    def forget(self, changed: contract.Changed) -> None:
        """Read anew what has changed."""
        for uuid in changed.servers:
            self._members.forget(uuid)
        if changed.groups:
            groups = frozenset(changed.groups)
            for uuid in changed.servers:
                self._groups.forget(uuid)
            self._groups.forget_if(
                lambda group: group is not None and group.uuid in groups
            )

    def _read_group(self, uuid: str) -> ports.Group | None:
        found = self._membership.group_of(uuid)
        if found is None:
            return None
        kept = self._kept.get(found.uuid)
        if kept == found:
            return kept
        self._kept[found.uuid] = found
        return found

    def _lookup(self, uuids: list[str]) -> dict[str, ports.Member | None]:
        return self._members.get_all(uuids, self._read)

    def _read(self, uuids: list[str]) -> dict[str, ports.Member | None]:
        found = self._membership.members(uuids)
        return {uuid: found.get(uuid) for uuid in uuids}
