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
"""Questions to QEMU's own monitor, through libvirt."""

from collections.abc import Callable
import json
from typing import Any

#: ``libvirt_qemu.qemuMonitorCommand``: domain, command, flags -> answer.
Monitor = Callable[[Any, str, int], str]


def thread_ids(domain: Any, monitor: Monitor) -> dict[int, int]:
    """Return the kernel's thread id of each vCPU, by QEMU's own answer.

    :param domain: the ``virDomain``.
    :raises KeyError: QEMU answered something else.
    """
    answer = json.loads(
        monitor(domain, json.dumps({'execute': 'query-cpus-fast'}), 0)
    )
    return {
        int(cpu['cpu-index']): int(cpu['thread-id'])
        for cpu in answer['return']
    }
