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
"""Tell the host that the scale agent serves, and what is online.

A guest boots with all of its CPUs online. The boot script knows from the
metadata service which of them the host has parked; where there is no network,
or no such service, the host learns from this announcement that it must tell.
"""

import logging
import socket
from typing import Callable

from nova_ext.guest import cpus
from nova_ext.guest import sockets
from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import messages

LOG = logging.getLogger(__name__)

#: Seconds between two attempts while guest_agent does not run.
RETRY = (0.2, 1.0, 5.0)


def until_heard(
    processors: cpus.Cpus,
    space: sockets.Space,
    sock: socket.socket,
    pause: Callable[[float], bool],
) -> None:
    """Give the announcement to guest_agent, once that runs.

    Whether it reaches the host is not known, as with every message of the
    channel; a host that misses it finds out by itself, later.

    :param sock: bound to the scale agent's address.
    :param pause: waits so many seconds; true ends the attempts.
    """
    attempt = 0
    if pause(0):
        return
    while True:
        try:
            # Read anew each time: a request may have come in between.
            data = messages.ready(processors.online())
        except cpus.CpuError as error:
            LOG.warning('The host is not told what is online: %s', error)
            return
        datagram = header.from_guest_program(data, addresses.SCALE_AGENT)
        if space.send(sock, datagram, addresses.AGENT) is None:
            return
        delay = RETRY[min(attempt, len(RETRY) - 1)]
        attempt += 1
        if pause(delay):
            return
