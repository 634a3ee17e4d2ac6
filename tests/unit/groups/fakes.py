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
"""What surrounds the service: Nova's records and the way to the hosts."""

from collections.abc import Iterable
import dataclasses
from typing import Any

from nova_ext.groups import contract
from nova_ext.groups import directory
from nova_ext.groups import metrics
from nova_ext.groups import ports
from nova_ext.groups import service

PROJECT = 'project-1'
CELL = 'cell-1'


def member(uuid: str, host: str = 'host1', **changes: Any) -> ports.Member:
    made = ports.Member(
        uuid=uuid,
        name='instance-' + uuid,
        host=host,
        project=PROJECT,
        cell=CELL,
        messaging=True,
    )
    return dataclasses.replace(made, **changes)


class Membership:
    """Nova's records; `broken` says why they cannot be read.

    :ivar reads: how often each method was called.
    """

    def __init__(self, *members: ports.Member) -> None:
        self.servers = {one.uuid: one for one in members}
        self.groups = {'group': [one.uuid for one in members]}
        self.facts_of: dict[str, ports.Facts] = {}
        self.broken: str | None = None
        self.reads: list[str] = []

    def server_at(self, host: str, name: str) -> str | None:
        self._read('server_at')
        for one in self.servers.values():
            if (one.host, one.name) == (host, name):
                return one.uuid
        return None

    def group_of(self, uuid: str) -> ports.Group | None:
        self._read('group_of')
        for group, uuids in self.groups.items():
            if uuid in uuids:
                return ports.Group(group, tuple(uuids))
        return None

    def members(self, uuids: Iterable[str]) -> dict[str, ports.Member]:
        self._read('members')
        return {
            uuid: self.servers[uuid] for uuid in uuids if uuid in self.servers
        }

    def facts(
        self, uuids: Iterable[str], deleted: bool = False
    ) -> dict[str, ports.Facts]:
        self._read('facts')
        return {
            uuid: {
                'instance_id': uuid,
                'tenant_id': self.servers[uuid].project,
                'host': self.servers[uuid].host,
                **self.facts_of.get(uuid, {}),
            }
            for uuid in uuids
            if uuid in self.servers
        }

    def _read(self, what: str) -> None:
        self.reads.append(what)
        if self.broken:
            raise ports.MembershipUnknown(self.broken)


class Courier:
    """Keeps what it was given; `failures` says why a host gets nothing."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, tuple[str, ...], Any]] = []
        self.forgotten: list[contract.Changed] = []
        self.failures: dict[str, str] = {}

    def deliver(
        self, cell: str, host: str, deliveries: list[contract.Delivery]
    ) -> str | None:
        assert cell == CELL
        if host in self.failures:
            return self.failures[host]
        for one in deliveries:
            self.delivered.append((host, one.names, one.data))
        return None

    def forget(self, changed: contract.Changed) -> None:
        self.forgotten.append(changed)


class World:
    """A service with its surroundings.

    :ivar now: the time by the service's clock, in seconds.
    """

    def __init__(self, *members: ports.Member, **settings: Any) -> None:
        self.now = 1000.0
        self.membership = Membership(*members)
        self.courier = Courier()
        self.metrics = metrics.ServiceMetrics()
        self.directory = directory.Directory(self.membership, 100, 60)
        self.service = service.Service(
            self.membership,
            self.directory,
            self.courier,
            service.Settings(**settings),
            self.metrics,
            lambda: self.now,
        )

    def count(self, name: str, label: str, value: str) -> float:
        """Return a counter of the service."""
        found = self.metrics.registry.get_sample_value(
            'nova_ext_groups_%s_total' % name, {label: value}
        )
        return found or 0.0

    def lost(self, reason: str) -> float:
        return self.count('lost', 'reason', reason)
