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
"""What one server takes of a host, or would take: all that plug-ins see.

Plain data without Nova's objects, so that plug-ins and their tests need no
Nova. The process rooms fill it: ``nova_ext.compute.usage`` for the servers of
a host, ``nova_ext.scheduler.demand`` for a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import functools
from typing import Any

from nova_ext import exception
from nova_ext.model import bounds
from nova_ext.model import realtime
from nova_ext.model.bounds import Bounds


@dataclass(frozen=True)
class Flavor:
    """A flavor, as it was when the server got it."""

    name: str
    vcpus: int
    memory_mb: int = 0
    root_gb: int = 0
    ephemeral_gb: int = 0
    swap_mb: int = 0
    extra_specs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, flavor: Any) -> 'Flavor':
        """Return the data of an object with Nova's flavor attributes."""
        return cls(
            flavor.name,
            flavor.vcpus,
            flavor.memory_mb,
            flavor.root_gb,
            flavor.ephemeral_gb,
            flavor.swap,
            flavor.extra_specs,
        )


@dataclass(frozen=True)
class PlacedCell:
    """What a server has of one of the host's NUMA nodes.

    :ivar node: the host's NUMA node.
    :ivar pins: the pCPU of each dedicated vCPU here, parked ones included.
    :ivar reserved: pCPUs here that only QEMU's own threads use
        (``hw:emulator_threads_policy=isolate``).
    """

    node: int
    pins: Mapping[int, int]
    reserved: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Usage:
    """One server, on its host or on the way to one.

    :ivar dedicated: the vCPUs that get pCPUs of their own.
    :ivar realtime: the vCPUs that run real-time while they are online.
    :ivar offline: the vCPUs that are parked; always empty for a request.
    :ivar isolated: whether each dedicated vCPU takes a whole core with all
        its hardware threads.
    :ivar extra_cores: pCPUs beyond those of the vCPUs, for QEMU's threads.
    :ivar cells: where the dedicated vCPUs are; empty while it is not known,
        as in a test or in the scheduler.
    """

    uuid: str
    flavor: Flavor
    dedicated: frozenset[int] = frozenset()
    realtime: frozenset[int] = frozenset()
    offline: frozenset[int] = frozenset()
    isolated: bool = False
    extra_cores: int = 0
    cells: tuple[PlacedCell, ...] = ()

    @property
    def extra_specs(self) -> Mapping[str, str]:
        """The flavor's extra specs."""
        return self.flavor.extra_specs

    @functools.cached_property
    def bounds(self) -> Bounds:
        """The server's bounds; only one that is wholly pinned can scale."""
        vcpus = self.flavor.vcpus
        if len(self.dedicated) != vcpus:
            return Bounds(vcpus, vcpus)
        return bounds.bounds_of(self.extra_specs, vcpus)

    @property
    def current(self) -> int:
        """How many vCPUs are online."""
        return self.flavor.vcpus - len(self.offline)

    @property
    def cores(self) -> int:
        """How many pCPUs are the server's own; hardware threads that
        ``isolate`` leaves idle are not counted.
        """
        return len(self.dedicated - self.offline) + self.extra_cores

    @property
    def realtime_cores(self) -> int:
        """How many pCPUs run real-time vCPUs; a parked vCPU does not."""
        return len(self.realtime - self.offline)


def dedicated_of(topology: Any) -> frozenset[int]:
    """Return the dedicated vCPUs of Nova's ``InstanceNUMATopology``."""
    if not topology:
        return frozenset()
    return frozenset().union(*(cell.pcpuset for cell in topology.cells))


def is_isolated(topology: Any) -> bool:
    """Return whether an ``InstanceNUMATopology`` has whole cores only."""
    return any(
        cell.cpu_thread_policy == 'isolate'
        for cell in (topology.cells if topology else ())
    )


def realtime_of(
    vcpus: int,
    extra_specs: Mapping[str, str],
    properties: Mapping[str, str],
) -> frozenset[int]:
    """Return the vCPUs that run real-time; none with a mask that is wrong.

    Nova starts no server with such a mask, and has the better message.

    :param properties: those of the image.
    """
    try:
        return realtime.realtime_vcpus(vcpus, extra_specs, properties)
    except exception.FlavorInvalid:
        return frozenset()


def extra_cores_of(extra_specs: Mapping[str, str]) -> int:
    """Return how many pCPUs QEMU's own threads get, for pinned servers.

    The rule of ``nova.scheduler.utils.ResourceRequest``.
    """
    return int(extra_specs.get(realtime.EMULATOR) == realtime.ISOLATE)
