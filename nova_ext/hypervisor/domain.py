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
"""A running domain: where its threads run, and under which policy."""

from collections.abc import Iterable
from typing import Any

from lxml import etree
from oslo_log import log as logging

from nova_ext import cpuset
from nova_ext import exception
from nova_ext.hypervisor import monitor as qemu
from nova_ext.hypervisor import privileged
from nova_ext.hypervisor import schedulers

LOG = logging.getLogger(__name__)

#: ``virDomainModificationImpact`` of libvirt. Two calls cost less than one
#: with both flags, and the live one decides.
AFFECT_LIVE = 1
AFFECT_CONFIG = 2
IMPACTS = (AFFECT_LIVE, AFFECT_CONFIG)

#: ``VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE``.
PERSISTENT_XML = 3


class LiveDomain:
    """The port :class:`nova_ext.scaling.ports.Domain` on libvirt."""

    def __init__(
        self,
        domain: Any,
        error: type[Exception],
        monitor: qemu.Monitor,
        priority: int,
    ) -> None:
        """Take up a running domain.

        :param domain: the ``virDomain``.
        :param error: what libvirt raises, ``libvirt.libvirtError``.
        :param priority: Nova's ``[libvirt]realtime_scheduler_priority``.
        """
        self._domain = domain
        self._error = error
        self._monitor = monitor
        self._priority = priority

    @property
    def boot(self) -> int:
        """Libvirt's number of this QEMU process, another for each start."""
        return int(self._domain.ID())

    def times(self, vcpus: frozenset[int]) -> dict[int, int]:
        """Return how many nanoseconds each vCPU's thread has run.

        :returns: nothing when the domain has just ended.
        """
        try:
            threads, _ = self._domain.vcpus()
        except self._error:
            return {}
        return {
            int(number): int(spent)
            for number, _, spent, _ in threads
            if number in vcpus
        }

    def pin_vcpus(self, pins: dict[int, int]) -> None:
        """See the port."""
        for vcpu, pcpu in sorted(pins.items()):
            for impact in IMPACTS:
                self._pin(
                    'vCPU %d' % vcpu,
                    {pcpu},
                    self._domain.pinVcpuFlags,
                    vcpu,
                    cpu_map({pcpu}),
                    impact,
                )

    def pin_emulator(self, pcpus: frozenset[int]) -> None:
        """See the port; I/O threads follow, as Nova pins them alike."""
        for impact in IMPACTS:
            self._pin(
                'the emulator',
                pcpus,
                self._domain.pinEmulator,
                cpu_map(pcpus),
                impact,
            )
        for iothread in self._iothreads():
            for impact in IMPACTS:
                self._pin(
                    'I/O thread %d' % iothread,
                    pcpus,
                    self._domain.pinIOThread,
                    iothread,
                    cpu_map(pcpus),
                    impact,
                )

    def make_ordinary(self, vcpus: frozenset[int]) -> None:
        """See the port."""
        for vcpu, thread in self._threads(vcpus, 'SCHED_OTHER'):
            _schedule(vcpu, 'SCHED_OTHER', privileged.set_other, thread)
        self._define_realtime(removed=vcpus)

    def make_realtime(self, vcpus: frozenset[int]) -> None:
        """See the port."""
        for vcpu, thread in self._threads(vcpus, 'SCHED_FIFO'):
            _schedule(
                vcpu,
                'SCHED_FIFO',
                privileged.set_fifo,
                thread,
                self._priority,
            )
        self._define_realtime(added=vcpus)

    def is_listening(self, port: str) -> bool | None:
        """Return whether the guest has a virtio-serial port open.

        :returns: None where libvirt has not heard of it yet.
        """
        for target in self._xml().iterfind('devices/channel/target'):
            if target.get('name') == port and target.get('state'):
                return bool(target.get('state') == 'connected')
        return None

    def _define_realtime(
        self,
        added: frozenset[int] = frozenset(),
        removed: frozenset[int] = frozenset(),
    ) -> None:
        """Let the persistent definition follow, which a soft reboot uses."""
        vcpus = added | removed
        if not vcpus:
            return
        try:
            self._domain.connect().defineXML(
                schedulers.with_realtime(
                    self._domain.XMLDesc(PERSISTENT_XML),
                    added,
                    removed,
                    self._priority,
                )
            )
        except self._error as error:
            raise exception.SchedulingFailed(
                vcpu=min(vcpus),
                policy='that of its new state',
                reason=_name(error),
            ) from error

    def _iothreads(self) -> list[int]:
        return [
            int(pin.get('iothread'))
            for pin in self._xml().iterfind('cputune/iothreadpin')
        ]

    def _xml(self) -> Any:
        return etree.fromstring(self._domain.XMLDesc(0))

    def _pin(
        self, what: str, pcpus: Iterable[int], call: Any, *args: Any
    ) -> None:
        try:
            call(*args)
        except self._error as error:
            raise exception.PinningFailed(
                what=what, pcpus=cpuset.render(pcpus), reason=_name(error)
            ) from error

    def _threads(
        self, vcpus: frozenset[int], policy: str
    ) -> list[tuple[int, int]]:
        if not vcpus:
            return []
        try:
            threads = qemu.thread_ids(self._domain, self._monitor)
            return [(vcpu, threads[vcpu]) for vcpu in sorted(vcpus)]
        except (self._error, KeyError) as error:
            raise exception.SchedulingFailed(
                vcpu=min(vcpus), policy=policy, reason=_name(error)
            ) from error


def cpu_map(pcpus: Iterable[int]) -> tuple[bool, ...]:
    """Return a set of pCPUs as libvirt wants it: one flag for each pCPU."""
    wanted = set(pcpus)
    return tuple(cpu in wanted for cpu in range(max(wanted) + 1))


def _name(error: Exception) -> str:
    """Return the name of a libvirt error, whose text is for the log only."""
    LOG.warning('libvirt failed: %s', error)
    return exception.name_of(error)


def _schedule(vcpu: int, policy: str, call: Any, *args: Any) -> None:
    try:
        call(*args)
    except OSError as error:
        raise exception.SchedulingFailed(
            vcpu=vcpu, policy=policy, reason=error
        ) from error
