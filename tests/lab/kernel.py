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
"""How the kernel runs a thread."""

import os

POLICIES = {
    os.SCHED_OTHER: 'OTHER',
    os.SCHED_FIFO: 'FIFO',
    os.SCHED_RR: 'RR',
    os.SCHED_BATCH: 'BATCH',
}


def affinity(tid: int) -> frozenset[int]:
    """The host CPUs on which a thread may run."""
    return frozenset(os.sched_getaffinity(tid))


def policy(tid: int) -> str:
    """The scheduling policy of a thread, such as ``OTHER`` or ``FIFO 1``."""
    number = os.sched_getscheduler(tid) & ~os.SCHED_RESET_ON_FORK
    priority = os.sched_getparam(tid).sched_priority
    name = POLICIES.get(number, str(number))
    return f'{name} {priority}' if priority else name
