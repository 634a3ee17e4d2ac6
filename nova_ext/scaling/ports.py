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
"""What the scale operation needs of the world, as protocols.

``nova_ext.compute`` implements them on Nova and libvirt; tests implement
them on plain data.
"""

from dataclasses import dataclass
from typing import Protocol

from nova_ext.model.bounds import Bounds
from nova_ext.model.pinning import Layout
from nova_ext.model.record import ScaleRecord


@dataclass(frozen=True)
class Server:
    """What a scale request must know of its server.

    :ivar name: Nova's instance name, which names the guest's channel.
    :ivar layout: pins and offline vCPUs as last saved.
    :ivar emulator_floats: whether QEMU's own threads run on the pCPUs of the
        ordinary vCPUs, that is without ``hw:emulator_threads_policy``.
    """

    uuid: str
    name: str
    bounds: Bounds
    layout: Layout
    emulator_floats: bool = True


class Coordinator(Protocol):
    """The way a guest is asked."""

    def take_offline(
        self, instance_name: str, timeout: float, vcpu: int | None = None
    ) -> int:
        """Ask the guest to take one vCPU offline, and return which.

        :param timeout: seconds.
        :param vcpu: the one that should go, if it matters; an old agent does
            not know the hint and chooses by itself.
        :raises exception.GuestSilent: no answer in time.
        :raises exception.GuestRefused: the guest answered with a failure.
        :raises exception.ChannelUnavailable: there is no way to ask.
        """

    def bring_online(
        self,
        instance_name: str,
        vcpu: int,
        online: frozenset[int],
        timeout: float,
    ) -> None:
        """Ask the guest to bring a vCPU online; one that is, is a success.

        :param online: all that are online afterwards, ``vcpu`` included.
        :raises exception.GuestSilent: no answer in time.
        :raises exception.GuestRefused: the guest answered with a failure.
        :raises exception.ChannelUnavailable: there is no way to ask.
        """


class Store(Protocol):
    """The instance's saved state."""

    def begin(self, record: ScaleRecord) -> None:
        """Save the journal and claim the server, if nothing else runs on it.

        :raises exception.ServerBusy: another operation was first.
        """

    def finish(self, record: ScaleRecord, layout: Layout) -> None:
        """Save the outcome and give the server free.

        The layout is saved again in case an earlier save was believed to
        have failed and had not.

        :raises exception.Interrupted: the server is no longer ours.
        """

    def note(self, record: ScaleRecord) -> None:
        """Save a record without claiming the server."""

    def is_withdrawn(self, request_id: str) -> bool:
        """Return whether nova-api has given a request up."""


class Host(Protocol):
    """The host's dedicated cores, as the resource tracker counts them."""

    def free_pcpus(self, node: int) -> list[int]:
        """Return the pCPUs of a NUMA node that a vCPU could get, in order.

        With the thread policy ``isolate`` one for each core whose hardware
        threads are all free.
        """

    def switch(
        self, before: Layout, after: Layout, record: ScaleRecord
    ) -> None:
        """Give back and take, at once, what differs between two layouts.

        Tested on a copy, powered up, saved with the instance, powered down
        and counted, all under Nova's lock: a core never loses its power while
        its next owner claims it. On any error nothing has changed here.

        :raises exception.InsufficientResources: a pCPU is another's now.
        :raises exception.Interrupted: the server is no longer ours; nothing
            was saved.
        :raises exception.SavingFailed: it may have been saved, or only the
            pins; the end of the request saves what holds.
        """

    def take(self, before: Layout, vcpu: int, record: ScaleRecord) -> Layout:
        """Choose the lowest free pCPU for an offline vCPU, and take it.

        :returns: the layout in which the vCPU is online on that pCPU.
        :raises exception.InsufficientResources: the NUMA node has none.
        :raises exception.Interrupted: the server is no longer ours.
        """

    def keep(self, record: ScaleRecord, layout: Layout) -> None:
        """Remember the end of a request, which could not be saved.

        Whatever looks at the server next on this host saves it first.
        """


class Allocation(Protocol):
    """What the placement service has allocated to the server."""

    def charge(self, layout: Layout) -> None:
        """Set the allocation to what the layout costs, absolutely.

        :raises exception.InsufficientResources: placement refused.
        :raises exception.PlacementFailed: placement cannot be reached.
        """


class Domain(Protocol):
    """The running QEMU process, through libvirt and the kernel."""

    def pin_vcpus(self, pins: dict[int, int]) -> None:
        """Pin vCPU threads, now and in the persistent configuration.

        :raises exception.PinningFailed: libvirt refused.
        """

    def pin_emulator(self, pcpus: frozenset[int]) -> None:
        """Pin QEMU's own threads, now and in the configuration.

        :raises exception.PinningFailed: libvirt refused.
        """

    def make_ordinary(self, vcpus: frozenset[int]) -> None:
        """Give vCPU threads the policy SCHED_OTHER.

        :raises exception.SchedulingFailed: the kernel refused.
        """

    def make_realtime(self, vcpus: frozenset[int]) -> None:
        """Give vCPU threads back SCHED_FIFO and Nova's priority.

        :raises exception.SchedulingFailed: the kernel refused.
        """


class Power(Protocol):
    """Power management of dedicated cores; does nothing where it is off."""

    def up(self, pcpus: frozenset[int]) -> None:
        """Power cores up, before anything is pinned to them."""


@dataclass(frozen=True)
class Ports:
    """All of them for one server."""

    guest: Coordinator
    store: Store
    host: Host
    allocation: Allocation
    domain: Domain
    power: Power
