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
"""Read each kind of state from where it really is.

The guest's own file says what is online, the kernel says where and how each
vCPU thread runs, libvirt says what it has been told for now and for the next
start, Nova's database says what is pinned and recorded, placement says what is
allocated.
"""

import dataclasses
import json
import typing

from nova_ext import cpuset
from nova_ext.model.record import ScaleRecord
from tests.lab import guest
from tests.lab import kernel
from tests.lab import layout
from tests.lab import mariadb
from tests.lab import namespace
from tests.lab import qemu
from tests.lab import rest

Pins = dict[int, frozenset[int]]


@dataclasses.dataclass(frozen=True)
class Thread:
    """How the kernel runs one vCPU.

    :param affinity: the host CPUs it may run on.
    :param policy: such as ``OTHER`` or ``FIFO 1``.
    """

    vcpu: int
    affinity: frozenset[int]
    policy: str


@dataclasses.dataclass(frozen=True)
class ServerView:
    """One server as its real sources show it.

    :param online: vCPUs that the guest's kernel uses.
    :param pins: Nova's vCPU -> host CPU.
    :param allocation: placement's PCPU.
    :param record: what this package keeps of the server.
    :param live: libvirt's vCPU -> host CPUs, of the running domain.
    :param stored: the same of the definition for the next start.
    """

    name: str
    online: frozenset[int]
    threads: tuple[Thread, ...]
    pins: dict[int, int]
    allocation: int
    record: ScaleRecord = ScaleRecord()
    live: Pins = dataclasses.field(default_factory=dict)
    stored: Pins = dataclasses.field(default_factory=dict)

    def cores(self) -> frozenset[int]:
        """The host CPUs on which its online vCPUs may run."""
        return frozenset().union(
            *(
                thread.affinity
                for thread in self.threads
                if thread.vcpu in self.online
            )
        )


@dataclasses.dataclass(frozen=True)
class HostView:
    """The host and its servers.

    :param cores: the host CPUs that dedicated servers may have.
    :param pinned: those that Nova counts as taken.
    """

    cores: tuple[int, ...]
    pinned: frozenset[int]
    servers: tuple[ServerView, ...]

    def server(self, name: str) -> ServerView:
        """The server of this name."""
        (found,) = (one for one in self.servers if one.name == name)
        return found


class Probes:
    """Looks at a running lab.

    :param admin: a session that may read placement and all servers.
    """

    def __init__(
        self,
        paths: layout.Layout,
        cores: tuple[int, ...],
        admin: rest.Session,
    ) -> None:
        self._paths = paths
        self._cores = cores
        self._admin = admin

    def host(
        self, servers: dict[str, str], host: str = namespace.HOST_NAME
    ) -> HostView:
        """Look at everything on a compute host.

        :param servers: the names and uuids of running servers, on any host.
        """
        views = tuple(
            self.server(name, uuid)
            for name, uuid in servers.items()
            if self.host_of(uuid) == host
        )
        return HostView(self._cores, self.pinned(host), views)

    def host_of(self, uuid: str) -> str:
        """The compute host of a server."""
        server = self._admin.get('compute', f'/servers/{uuid}')['server']
        return str(server['OS-EXT-SRV-ATTR:host'])

    def pinned(self, host: str = namespace.HOST_NAME) -> frozenset[int]:
        """The host CPUs that Nova counts as taken."""
        (line,) = mariadb.query(
            self._paths,
            'nova',
            'SELECT numa_topology FROM compute_nodes WHERE deleted = 0 '
            f"AND host = '{host}'",
        )
        cells = _data(json.loads(line))['cells']
        return frozenset(
            cpu for cell in cells for cpu in _data(cell)['pinned_cpus']
        )

    def server(self, name: str, uuid: str) -> ServerView:
        """Look at one running server."""
        domain = self.guest(uuid)
        return ServerView(
            name=name,
            online=frozenset(cpuset.parse(domain.online())),
            threads=threads(domain),
            pins=self.pins(uuid),
            allocation=self.allocation(uuid),
            record=self.record(uuid),
            live=qemu.definition(domain.virsh('dumpxml')).pins,
            stored=qemu.definition(domain.virsh('dumpxml', '--inactive')).pins,
        )

    def guest(self, uuid: str) -> guest.Guest:
        """The server's guest."""
        path = f'/servers/{uuid}'
        found = self._admin.get('compute', path)['server']
        name = found['OS-EXT-SRV-ATTR:instance_name']
        part = namespace.PARTS[found['OS-EXT-SRV-ATTR:host']]
        return guest.Guest(self._paths.of_host(part), name)

    def record(self, uuid: str) -> ScaleRecord:
        """What this package keeps of a server."""
        lines = mariadb.query(
            self._paths,
            'nova',
            'SELECT `key`, value FROM instance_system_metadata WHERE '
            f"deleted = 0 AND instance_uuid = '{uuid}'",
        )
        pairs = (line.partition('\t') for line in lines)
        return ScaleRecord.from_metadata(
            {key: value for key, _, value in pairs}
        )

    def pins(self, uuid: str) -> dict[int, int]:
        """Nova's vCPU -> host CPU of one server."""
        (line,) = mariadb.query(
            self._paths,
            'nova',
            'SELECT numa_topology FROM instance_extra '
            f"WHERE instance_uuid = '{uuid}'",
        )
        return {
            int(vcpu): cpu
            for cell in _data(json.loads(line))['cells']
            for vcpu, cpu in _data(cell)['cpu_pinning_raw'].items()
        }

    def allocation(self, uuid: str) -> int:
        """Placement's PCPU of one server; 0 when it has none."""
        found = self._admin.get('placement', f'/allocations/{uuid}')
        return sum(
            provider['resources'].get('PCPU', 0)
            for provider in found['allocations'].values()
        )


def _data(versioned: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """The content of a serialised versioned object of Nova."""
    found = versioned['nova_object.data']
    assert isinstance(found, dict)
    return found


def threads(domain: guest.Guest) -> tuple[Thread, ...]:
    """Ask the kernel about the threads of a guest's vCPUs."""
    return tuple(
        Thread(vcpu, kernel.affinity(tid), kernel.policy(tid))
        for vcpu, tid in sorted(domain.threads().items())
    )
