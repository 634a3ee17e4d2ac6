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
"""What a QEMU process really is: its threads, its memory, its definitions."""

import dataclasses
import pathlib
import re

# Not lxml: ./lab begins with what the system's Python has.
from xml.etree import ElementTree

from nova_ext import cpuset
from tests.lab import guest
from tests.lab import kernel

PROC = pathlib.Path('/proc')


@dataclasses.dataclass(frozen=True)
class Task:
    """One thread, as the kernel has it.

    :param name: QEMU's for it, such as ``CPU 1/KVM``.
    :param policy: such as ``OTHER`` or ``FIFO 1``.
    """

    tid: int
    name: str
    affinity: frozenset[int]
    policy: str


@dataclasses.dataclass(frozen=True)
class Definition:
    """The tuning in one of libvirt's definitions of a domain.

    :param realtime: the vCPUs of all ``vcpusched``.
    :param locked: whether memory is locked and not shared with others.
    """

    pins: dict[int, frozenset[int]]
    emulator: frozenset[int]
    iothreads: dict[int, frozenset[int]]
    realtime: frozenset[int]
    locked: bool


@dataclasses.dataclass(frozen=True)
class Process:
    """A running QEMU.

    :param vcpus: the thread of each vCPU, by QEMU's own answer.
    :param others: all other threads.
    :param locked_kib: ``VmLck``.
    :param live: libvirt's definition of the running domain.
    :param stored: the one that its next start uses.
    """

    pid: int
    vcpus: dict[int, Task]
    others: tuple[Task, ...]
    locked_kib: int
    live: Definition
    stored: Definition

    def __str__(self) -> str:
        tasks = [*self.vcpus.values(), *self.others]
        lines = [
            f'  {task.tid} {task.name:<16} {task.policy:<7} '
            f'on {cpuset.render(task.affinity)}'
            for task in tasks
        ]
        return '\n'.join(
            [
                f'QEMU {self.pid}, {self.locked_kib} KiB locked',
                *lines,
                f'  live   {self.live}',
                f'  stored {self.stored}',
            ]
        )


def look(domain: guest.Guest) -> Process:
    """Look at everything at once, while nothing is going on."""
    threads = domain.threads()
    pid = _number(PROC / str(threads[0]) / 'status', 'Tgid')
    tasks = {
        tid: task(tid)
        for tid in (
            int(one.name) for one in (PROC / str(pid) / 'task').iterdir()
        )
    }
    return Process(
        pid=pid,
        vcpus={vcpu: tasks.pop(tid) for vcpu, tid in threads.items()},
        others=tuple(tasks.values()),
        locked_kib=_number(PROC / str(pid) / 'status', 'VmLck'),
        live=definition(domain.virsh('dumpxml')),
        stored=definition(domain.virsh('dumpxml', '--inactive')),
    )


def task(tid: int) -> Task:
    """Ask the kernel about one thread."""
    return Task(
        tid,
        (PROC / str(tid) / 'comm').read_text().strip(),
        kernel.affinity(tid),
        kernel.policy(tid),
    )


def _number(file: pathlib.Path, key: str) -> int:
    found = re.search(rf'^{key}:\s*(\d+)', file.read_text(), re.MULTILINE)
    assert found, f'{file} has no {key}'
    return int(found.group(1))


def definition(xml: str) -> Definition:
    """Read a domain's definition."""
    root = ElementTree.fromstring(xml)  # noqa: S314 libvirt's own words
    tune = root.find('cputune')
    assert tune is not None, 'the domain is not pinned'
    backing = root.find('memoryBacking')
    (emulator,) = _sets(tune, 'emulatorpin', 'cpuset')
    return Definition(
        pins=_pins(tune, 'vcpu'),
        emulator=emulator,
        iothreads=_pins(tune, 'iothread'),
        realtime=frozenset().union(*_sets(tune, 'vcpusched', 'vcpus')),
        locked=backing is not None
        and {one.tag for one in backing} >= {'locked', 'nosharepages'},
    )


def _pins(tune: ElementTree.Element, what: str) -> dict[int, frozenset[int]]:
    return {
        int(pin.attrib[what]): cpuset.parse(pin.attrib['cpuset'])
        for pin in tune.findall(what + 'pin')
    }


def _sets(
    tune: ElementTree.Element, tag: str, key: str
) -> list[frozenset[int]]:
    return [cpuset.parse(one.attrib[key]) for one in tune.findall(tag)]
