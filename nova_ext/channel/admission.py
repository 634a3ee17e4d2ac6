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
"""Which processes of this host may talk to guests."""

from collections.abc import Iterable
import os
import pwd
import socket
import struct

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: pid, uid and gid, as the kernel gives them.
CREDENTIALS = struct.Struct('3i')


class Admission:
    """Admits root, the daemon's own user, and the users of an option.

    :param users: names or numbers; names that the host lacks are skipped.
    """

    def __init__(self, users: Iterable[str]) -> None:
        self._uids = {0, os.geteuid()}
        for user in users:
            uid = _uid_of(user)
            if uid is not None:
                self._uids.add(uid)

    def admits(self, uid: int) -> bool:
        """Tell whether the user may talk to guests."""
        return uid in self._uids


def _uid_of(user: str) -> int | None:
    if user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        LOG.warning(
            'The user %s of [nova_ext_channel]allowed_users does not exist '
            'on this host; it is skipped',
            user,
        )
        return None


def peer_uid(sock: socket.socket) -> int:
    """Return the user of the process at the other end of a connection."""
    raw = sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size
    )
    return int(CREDENTIALS.unpack(raw)[1])
