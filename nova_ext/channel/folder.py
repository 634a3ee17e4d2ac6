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
"""Which guests there are: the sockets in libvirt's folder.

The folder is looked at every second or so, and read only when its time of
change has moved. That costs two microseconds a look, and unlike inotify it
has no queue to overflow, no watch to lose when libvirt makes the folder anew,
and one path for the start and for later.
"""

import os
import time

from oslo_log import log as logging

from nova_ext.wire import addresses

LOG = logging.getLogger(__name__)

#: A change so shortly before a look, in seconds, may hide another with the
#: same time stamp.
_GRAIN = 2.0


class Folder:
    """The guests' sockets in one folder.

    :param path: ``[nova_ext_channel]guest_socket_dir``.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: int | None = None
        self._complaint: int | None = None

    def look(self) -> dict[str, str] | None:
        """Return the socket of each instance; None when nothing changed.

        Also None when the folder cannot be read, which says nothing about
        the guests.
        """
        now = time.time()
        try:
            changed = os.stat(self._path).st_mtime_ns
            if changed == self._seen:
                return None
            names = os.listdir(self._path)
        except OSError as error:
            if error.errno != self._complaint:
                LOG.error(
                    'Cannot read the folder of the guest sockets, %s: %s; '
                    'check [nova_ext_channel]guest_socket_dir and the '
                    "rights of this process's user",
                    self._path,
                    error.strerror,
                )
            self._complaint = error.errno
            return None
        self._complaint = None
        self._seen = changed if changed / 1e9 < now - _GRAIN else None
        return {
            instance: os.path.join(self._path, name)
            for name in names
            if (instance := addresses.instance_of(name)) is not None
        }
