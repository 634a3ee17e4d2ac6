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
import time

from oslo_log import log as logging
from oslo_privsep import capabilities
from oslo_privsep import comm
from oslo_privsep import priv_context

LOG = logging.getLogger(__name__)

#: Seconds that a call may take; it is done in less than a thousandth.
TIMEOUT = 10.0

context = priv_context.PrivContext(
    'nova_ext',
    cfg_section='nova_ext_privileged',
    pypath=__name__ + '.context',
    capabilities=[capabilities.CAP_SYS_NICE],
    timeout=TIMEOUT,
)


def set_fifo(thread_id: int, priority: int) -> None:
    """Give a thread the policy SCHED_FIFO.

    :param thread_id: as the kernel knows it.
    :raises OSError: the kernel refused, or the daemon did not answer.
    """
    _ask(thread_id, os.SCHED_FIFO, priority)


def set_other(thread_id: int) -> None:
    """Give a thread the policy SCHED_OTHER.

    :param thread_id: as the kernel knows it.
    :raises OSError: the kernel refused, or the daemon did not answer.
    """
    _ask(thread_id, os.SCHED_OTHER, 0)


def _ask(thread_id: int, policy: int, priority: int) -> None:
    try:
        _set_policy(thread_id, policy, priority, time.monotonic() + TIMEOUT)
    except comm.PrivsepTimeout as error:
        # oslo.privsep does not notice every death of its daemon: one with a
        # request unread resets the connection, and every call would hang. The
        # next call starts another daemon.
        context.channel = None
        LOG.warning('The privsep daemon is given up: it does not answer.')
        raise TimeoutError(
            'the privsep daemon did not answer within %d s' % TIMEOUT
        ) from error


@context.entrypoint
def _set_policy(
    thread_id: int, policy: int, priority: int, deadline: float
) -> None:
    """Run in the daemon.

    :param deadline: by the clock that all processes share; a call that comes
        to life after its caller gave up must not change anything any more.
    """
    if time.monotonic() > deadline:
        raise TimeoutError('the caller has given up')
    os.sched_setscheduler(thread_id, policy, os.sched_param(priority))
