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
"""The few calls that need a capability, run by a privsep daemon.

QEMU runs as a user of its own, so nova-compute needs CAP_SYS_NICE to change
the scheduling policy of its threads, and nothing else.
"""

import os

from oslo_privsep import capabilities
from oslo_privsep import priv_context

context = priv_context.PrivContext(
    'nova_ext',
    cfg_section='nova_ext_privileged',
    pypath=__name__ + '.context',
    capabilities=[capabilities.CAP_SYS_NICE],
)


@context.entrypoint
def set_fifo(thread_id: int, priority: int) -> None:
    """Give a thread the policy SCHED_FIFO.

    :param thread_id: as the kernel knows it.
    :raises OSError: the kernel refused.
    """
    os.sched_setscheduler(thread_id, os.SCHED_FIFO, os.sched_param(priority))


@context.entrypoint
def set_other(thread_id: int) -> None:
    """Give a thread the policy SCHED_OTHER.

    :param thread_id: as the kernel knows it.
    :raises OSError: the kernel refused.
    """
    os.sched_setscheduler(thread_id, os.SCHED_OTHER, os.sched_param(0))
