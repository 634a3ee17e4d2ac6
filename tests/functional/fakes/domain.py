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
"""Nova's fake libvirt domain, with what scaling asks of a real one.

Nova's own forgets the XML that it was given and cannot pin. This one keeps
the XML, tells pins that are live from pins that are configured, runs vCPU
threads in the fake kernel, and boots a fake guest.
"""

from collections.abc import Iterable
import copy
import json
import os
from typing import Any
import urllib.parse

from lxml import etree
from nova.tests.fixtures import libvirt as fakelibvirt

from nova_ext import cpuset
from tests.functional.fakes.world import World

CPUMap = tuple[bool, ...]

#: ``VIR_DOMAIN_EVENT_ID_REBOOT``.
EVENT_REBOOT = 1


class Pins:
    """The pins of one definition, live or configured."""

    def __init__(self, cputune: Any) -> None:
        self.vcpus: dict[int, frozenset[int]] = {}
        self.emulator: frozenset[int] | None = None
        self.iothreads: dict[int, frozenset[int]] = {}
        if cputune is None:
            return
        for pin in cputune.findall('vcpupin'):
            vcpu = int(pin.get('vcpu'))
            self.vcpus[vcpu] = cpuset.parse(pin.get('cpuset'))
        emulator = cputune.find('emulatorpin')
        if emulator is not None:
            self.emulator = cpuset.parse(emulator.get('cpuset'))
        for pin in cputune.findall('iothreadpin'):
            number = int(pin.get('iothread'))
            self.iothreads[number] = cpuset.parse(pin.get('cpuset'))

    def write_to(self, cputune: Any) -> None:
        """Put the pins into a copy of the element that they came from."""
        for pin in cputune.findall('vcpupin'):
            cpus = self.vcpus[int(pin.get('vcpu'))]
            pin.set('cpuset', cpuset.render(cpus))
        emulator = cputune.find('emulatorpin')
        if emulator is not None and self.emulator is not None:
            emulator.set('cpuset', cpuset.render(self.emulator))
        for pin in cputune.findall('iothreadpin'):
            cpus = self.iothreads[int(pin.get('iothread'))]
            pin.set('cpuset', cpuset.render(cpus))


class Domain(fakelibvirt.Domain):
    """A libvirt domain whose vCPUs can be pinned while it runs.

    :cvar world: what all domains of a test share; set on a subclass.
    :ivar sent_xml: the definition as Nova sent it.
    :ivar live: the pins of the running process, None while it is off.
    :ivar started_as: its definition when it started; libvirt does not follow
        what changes a thread's policy later.
    """

    world: World

    def __init__(
        self,
        connection: Any,
        xml: Any,
        running: bool = False,
        transient: bool = False,
    ) -> None:
        super().__init__(connection, xml, running, transient)
        self.sent_xml = xml if isinstance(xml, str) else xml.decode()
        self._tree = etree.fromstring(self.sent_xml)
        self.config = Pins(self._tree.find('cputune'))
        self.live: Pins | None = None
        self.started_as = self._tree
        self.threads: list[int] = []
        if running:
            self._boot()

    def redefine(self, xml: Any) -> None:
        """Replace the persistent definition; the process keeps its own."""
        self.world.effects.happens('define')
        self.sent_xml = xml if isinstance(xml, str) else xml.decode()
        self._def = self._parse_definition(self.sent_xml)
        self._tree = etree.fromstring(self.sent_xml)
        self.config = Pins(self._tree.find('cputune'))
        self._transient = False

    # -- life --------------------------------------------------------------

    def createWithFlags(self, flags: int) -> None:
        self.world.effects.happens('start')
        super().createWithFlags(flags)
        # Nova's fake leaves a domain that has been off without a number, and
        # a second soft reboot waits for that to change.
        self._id = self._connection._id_counter
        self._boot()

    def isActive(self) -> int:
        return int(self.live is not None)

    def reset(self, flags: int) -> None:
        super().reset(flags)
        self._start_guest()
        self._connection.tell_reset(self)

    def undefine(self) -> None:
        self.world.effects.happens('undefine')
        super().undefine()

    def destroy(self) -> None:
        self.world.effects.happens('destroy')
        super().destroy()
        self._halt()

    def shutdown(self) -> None:
        self.world.effects.happens('shutdown')
        super().shutdown()
        self._halt()

    def managedSave(self, flags: int) -> None:
        super().managedSave(flags)
        self._state = fakelibvirt.VIR_DOMAIN_SHUTOFF
        self._halt()

    def managedSaveRemove(self, flags: int = 0) -> None:
        # Nova's fake leaves the flags out when it undefines a domain.
        super().managedSaveRemove(flags)

    def _boot(self) -> None:
        self._start_process()
        self._start_guest()

    def _start_process(self) -> None:
        self._halt()
        self.live = copy.deepcopy(self.config)
        self.started_as = self._tree
        count = int(self._tree.findtext('vcpu'))
        everywhere = frozenset(range(self._connection.host_info.cpus))
        self.threads = self.world.kernel.start(
            self.live.vcpus.get(vcpu, everywhere) for vcpu in range(count)
        )
        for sched in self._tree.findall('cputune/vcpusched'):
            for vcpu in cpuset.parse(sched.get('vcpus')):
                thread = self.world.kernel.threads[self.threads[vcpu]]
                thread.policy = os.SCHED_FIFO
                thread.priority = int(sched.get('priority'))

    def _start_guest(self) -> None:
        count = int(self._tree.findtext('vcpu'))
        self.world.boot_guest(self.name(), self.UUIDString(), count)

    def vcpus(self) -> Any:
        """Return what each thread has run: a second since the last look.

        Only those of the vCPUs that the guest uses have run at all.
        """
        guest = self.world.guests[self.name()]
        found = []
        for vcpu, number in enumerate(self.threads):
            thread = self.world.kernel.threads[number]
            if vcpu in guest.online:
                thread.spent += 10**9
            found.append((vcpu, 1, thread.spent, min(thread.affinity)))
        return found, []

    def _halt(self) -> None:
        self.world.kernel.end(self.threads)
        self.live, self.threads = None, []

    # -- live migration ----------------------------------------------------

    def migrateToURI3(
        self, uri: str, params: dict[str, Any], flags: int
    ) -> None:
        """Go to another host, where the guest runs on; or fail, as told."""
        self.world.effects.happens('migrate')
        connection = self.world.hosts[urllib.parse.urlsplit(uri).hostname]
        arrived = type(self)(connection, params['destination_xml'])
        arrived.redefine(params['persistent_xml'])
        connection._vms[self.name()] = arrived
        try:
            self.world.on_migration(self, arrived)
        except Exception:
            # libvirt has no job any more, from which Nova concludes the rest.
            if self._job_type == fakelibvirt.VIR_DOMAIN_JOB_UNBOUNDED:
                self._job_type = fakelibvirt.VIR_DOMAIN_JOB_NONE
            del connection._vms[self.name()]
            raise
        arrived._start_process()
        arrived._state = self._state
        connection._mark_running(arrived)
        self._halt()
        self._state = fakelibvirt.VIR_DOMAIN_SHUTOFF
        del self._connection._vms[self.name()]
        self.complete_job()

    def jobStats(self, flags: int = 0) -> Any:
        """Tell of the job; that it was cancelled, only once.

        Nova's monitor of the next live migration must not take it for its.
        """
        told = super().jobStats(flags)
        if told['type'] == fakelibvirt.VIR_DOMAIN_JOB_CANCELLED:
            self._job_type = fakelibvirt.VIR_DOMAIN_JOB_NONE
        return told

    def abortJob(self) -> None:
        self.world.on_abort()

    # -- pins --------------------------------------------------------------

    def pinVcpuFlags(self, vcpu: int, cpumap: CPUMap, flags: int) -> int:
        self.world.effects.happens('pin')
        for pins in self._pins(flags):
            pins.vcpus[vcpu] = _cpus(cpumap)
        if flags & fakelibvirt.VIR_DOMAIN_AFFECT_LIVE:
            self.world.kernel.pin(self.threads[vcpu], _cpus(cpumap))
        return 0

    def pinEmulator(self, cpumap: CPUMap, flags: int) -> int:
        self.world.effects.happens('pin')
        for pins in self._pins(flags):
            pins.emulator = _cpus(cpumap)
        return 0

    def pinIOThread(self, number: int, cpumap: CPUMap, flags: int) -> int:
        self.world.effects.happens('pin')
        for pins in self._pins(flags):
            pins.iothreads[number] = _cpus(cpumap)
        return 0

    def vcpuPinInfo(self, flags: int) -> list[CPUMap]:
        pins = self._pins(flags)[0]
        total = self._connection.host_info.cpus
        return [
            tuple(cpu in cpus for cpu in range(total))
            for _, cpus in sorted(pins.vcpus.items())
        ]

    def _pins(self, flags: int) -> list[Pins]:
        chosen = []
        if flags & fakelibvirt.VIR_DOMAIN_AFFECT_LIVE:
            if self.live is None:
                raise fakelibvirt.make_libvirtError(
                    fakelibvirt.libvirtError,
                    'Requested operation is not valid: domain is not running',
                    error_code=fakelibvirt.VIR_ERR_OPERATION_INVALID,
                    error_domain=fakelibvirt.VIR_FROM_QEMU,
                )
            chosen.append(self.live)
        if flags & fakelibvirt.VIR_DOMAIN_AFFECT_CONFIG:
            chosen.append(self.config)
        return chosen or [self.live or self.config]

    # -- descriptions ------------------------------------------------------

    def XMLDesc(self, flags: int) -> str:
        """Return Nova's fake description with the true pins and channels."""
        tree = etree.fromstring(super().XMLDesc(flags))
        for old in tree.findall('cputune'):
            tree.remove(old)
        inactive = flags & fakelibvirt.VIR_DOMAIN_XML_INACTIVE
        pins = self.config if inactive else self.live or self.config
        source = self.started_as if pins is self.live else self._tree
        cputune = copy.deepcopy(source.find('cputune'))
        if cputune is not None:
            pins.write_to(cputune)
            tree.append(cputune)
        for backing in self._tree.findall('memoryBacking'):
            tree.append(copy.deepcopy(backing))
        for channel in self._tree.findall('devices/channel'):
            tree.find('devices').append(self._describe(channel))
        return str(etree.tostring(tree, encoding='unicode'))

    def connect(self) -> Any:
        return self._connection

    def _describe(self, channel: Any) -> Any:
        channel = copy.deepcopy(channel)
        guest = self.world.guests.get(self.name())
        if self.live is not None and guest is not None:
            state = 'connected' if guest.listens else 'disconnected'
            channel.find('target').set('state', state)
        return channel

    def query_cpus_fast(self) -> str:
        """Answer QEMU's monitor command of that name."""
        return json.dumps(
            {
                'return': [
                    {'cpu-index': vcpu, 'thread-id': thread_id}
                    for vcpu, thread_id in enumerate(self.threads)
                ]
            }
        )


def _cpus(cpumap: Iterable[bool]) -> frozenset[int]:
    return frozenset(cpu for cpu, is_set in enumerate(cpumap) if is_set)


class Connection(fakelibvirt.Connection):
    """A connection that keeps a running domain when it is defined again."""

    def lookupByName(self, name: str) -> Any:
        if name not in self._vms:
            raise fakelibvirt.make_libvirtError(
                fakelibvirt.libvirtError,
                'Domain not found: no domain with matching name "%s"' % name,
                error_code=fakelibvirt.VIR_ERR_NO_DOMAIN,
                error_domain=fakelibvirt.VIR_FROM_QEMU,
            )
        return self._vms[name]

    def listAllDomains(self, flags: int = 0) -> Any:
        """List all where no flag asks for less; Nova's fake lists none."""
        everything = (
            fakelibvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
            | fakelibvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE
        )
        return super().listAllDomains(flags or everything)

    def tell_reset(self, domain: Any) -> None:
        """Send the event of a guest that has reset itself."""
        callback, opaque = self._event_callbacks[EVENT_REBOOT]
        callback(self, domain, opaque)

    def defineXML(self, xml: Any) -> Any:
        name = etree.fromstring(xml).findtext('name')
        domain = self._vms.get(name)
        if domain is None or domain.live is None:
            fakelibvirt.Domain.world.effects.happens('define')
            return super().defineXML(xml)
        domain.redefine(xml)
        return domain
