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
"""A running domain that keeps what it is told, in order."""

import json
from typing import Any


class LibvirtError(Exception):
    """What the fake domain raises, as libvirt would its own."""


XML = """<domain type='kvm'>
  <name>instance-00000001</name>
  <memory>1048576</memory>
  <vcpu>4</vcpu>
  <iothreads>2</iothreads>
  <cputune>
    <emulatorpin cpuset='10'/>
    <iothreadpin iothread='1' cpuset='10'/>
    <iothreadpin iothread='2' cpuset='10'/>
    <vcpusched vcpus='1' scheduler='fifo' priority='5'/>
    <vcpusched vcpus='3' scheduler='fifo' priority='5'/>
  </cputune>
  <os><type>hvm</type></os>
  <devices>
    <channel type='unix'>
      <source mode='bind' path='/run/other.sock'/>
      <target type='virtio' name='org.other' state='disconnected'/>
    </channel>
    <channel type='unix'>
      <source mode='bind' path='/run/cgcs.sock'/>
      <target type='virtio' name='cgcs.messaging' state='connected'/>
    </channel>
  </devices>
</domain>
"""


class Domain:
    """A ``virDomain``; ``calls`` has everything that would change it.

    :ivar broken: the names of the calls that libvirt refuses.
    """

    def __init__(self, xml: str = XML) -> None:
        self.xml = xml
        self.defined = ''
        self.calls: list[tuple[Any, ...]] = []
        self.flags: list[int] = []
        self.broken: set[str] = set()

    def _call(self, name: str, *args: Any) -> None:
        self.calls.append((name, *args))
        if name in self.broken:
            raise LibvirtError('%s: domain is gone' % name)

    def pinVcpuFlags(self, vcpu: int, cpus: Any, flags: int) -> None:
        self._call('vcpu', vcpu, _set_of(cpus), flags)

    def pinEmulator(self, cpus: Any, flags: int) -> None:
        self._call('emulator', _set_of(cpus), flags)

    def pinIOThread(self, thread: int, cpus: Any, flags: int) -> None:
        self._call('iothread', thread, _set_of(cpus), flags)

    def ID(self) -> int:
        return 7

    def vcpus(self) -> Any:
        self._call('vcpus')
        return [(0, 1, 5, 0), (1, 1, 6, 1), (2, 1, 7, 1)], []

    def XMLDesc(self, flags: int) -> str:
        self.flags.append(flags)
        return self.xml

    def connect(self) -> 'Domain':
        return self

    def defineXML(self, xml: str) -> None:
        self._call('define')
        self.defined = xml


def monitor(domain: Domain, command: str, flags: int) -> str:
    """Answer for a QEMU with four vCPUs, whose threads are 100 and on."""
    assert flags == 0
    assert json.loads(command) == {'execute': 'query-cpus-fast'}
    if 'monitor' in domain.broken:
        raise LibvirtError('the monitor is gone')
    threads = [
        {'cpu-index': vcpu, 'thread-id': 100 + vcpu} for vcpu in range(4)
    ]
    return json.dumps({'return': threads, 'id': 'libvirt-1'})


def _set_of(cpus: Any) -> set[int]:
    return {cpu for cpu, wanted in enumerate(cpus) if wanted}
