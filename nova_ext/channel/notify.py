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
"""Tells systemd that the daemon serves, and that its loop still turns.

The protocol is sd_notify(3)'s: a datagram to the socket that systemd names.
"""

import os
import socket

#: Set by systemd, see sd_notify(3) and sd_watchdog_enabled(3).
_SOCKET = 'NOTIFY_SOCKET'
_WATCHDOG = 'WATCHDOG_USEC'


def tell(state: str) -> None:
    """Send a state, such as ``READY=1``; does nothing without systemd."""
    path = os.environ.get(_SOCKET, '')
    if not path:
        return
    if path.startswith('@'):
        path = '\0' + path[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(state.encode('ascii'), path)
        except OSError:
            # systemd is told again; what it does about silence is its affair.
            return


def interval() -> float | None:
    """Return how often systemd wants a sign of life, in seconds.

    None when it wants none. Half of its limit, as sd_watchdog_enabled(3)
    advises.
    """
    text = os.environ.get(_WATCHDOG, '')
    if not text.isdigit() or int(text) == 0:
        return None
    return int(text) / 2e6
