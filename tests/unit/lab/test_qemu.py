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
"""What is read of a QEMU process, on definitions and on this process."""

import os
import threading

from tests.lab import qemu

XML = """<domain>
  <memoryBacking><nosharepages/><locked/></memoryBacking>
  <cputune>
    <vcpupin vcpu='0' cpuset='4'/>
    <vcpupin vcpu='1' cpuset='5'/>
    <vcpupin vcpu='2' cpuset='6'/>
    <emulatorpin cpuset='0-1'/>
    <iothreadpin iothread='1' cpuset='4'/>
    <vcpusched vcpus='1' scheduler='fifo' priority='1'/>
    <vcpusched vcpus='2' scheduler='fifo' priority='1'/>
  </cputune>
</domain>"""


def test_a_definition() -> None:
    assert qemu.definition(XML) == qemu.Definition(
        pins={0: frozenset({4}), 1: frozenset({5}), 2: frozenset({6})},
        emulator=frozenset({0, 1}),
        iothreads={1: frozenset({4})},
        realtime=frozenset({1, 2}),
        locked=True,
    )


def test_memory_that_is_only_locked_is_shared() -> None:
    found = qemu.definition(XML.replace('<nosharepages/>', ''))
    assert not found.locked
    plain = XML.replace('<nosharepages/><locked/>', '')
    assert not qemu.definition(plain).locked


def test_a_thread() -> None:
    found = qemu.task(threading.get_native_id())
    assert found.affinity == os.sched_getaffinity(0)
    assert found.policy == 'OTHER'
    assert found.name
