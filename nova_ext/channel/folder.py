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

The kernel tells of each socket that comes or goes. That is a hint, of which
some may be lost: its queue can overflow, and a watch ends when the folder is
made anew. So the folder is also read, at the start, after a loss and at
intervals; then only if its time of change has moved, which costs two
microseconds to see.
"""

from collections.abc import Callable
import os
import time

import inotify_simple
from oslo_log import log as logging

from nova_ext.channel import loop as loop_module
from nova_ext.wire import addresses

LOG = logging.getLogger(__name__)

_CHECK = (
    'check [nova_ext_channel]guest_socket_dir and the rights of this '
    "process's user"
)
_RESTART = 'restart nova-ext-channel'

#: A change so shortly before a look, in seconds, may hide another with the
#: same time stamp.
_GRAIN = 2.0

_CHANGED = (
    inotify_simple.flags.CREATE
    | inotify_simple.flags.MOVED_TO
    | inotify_simple.flags.DELETE
    | inotify_simple.flags.MOVED_FROM
)
_ENDED = (
    inotify_simple.flags.DELETE_SELF
    | inotify_simple.flags.MOVE_SELF
    | inotify_simple.flags.IGNORED
    | inotify_simple.flags.UNMOUNT
    | inotify_simple.flags.Q_OVERFLOW
)
_WATCHED = (
    _CHANGED
    | inotify_simple.flags.DELETE_SELF
    | inotify_simple.flags.MOVE_SELF
    | inotify_simple.flags.ONLYDIR
)


class Folder:
    """The guests' sockets in one folder.

    :param path: ``[nova_ext_channel]guest_socket_dir``.
    :ivar complaint: why the folder cannot be read, and what to do; None
        when it can.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: int | None = None
        self.complaint: str | None = None

    def socket_of(self, instance: str) -> str | None:
        """Return the instance's socket if it is there."""
        path = os.path.join(self._path, addresses.socket_name(instance))
        return path if os.path.lexists(path) else None

    def look(self) -> dict[str, str] | None:
        """Return the socket of each instance; None when nothing changed.

        Also None when the folder cannot be read, which says nothing about
        the guests.
        """
        now = time.time()
        try:
            found = os.stat(self._path)
            changed = found.st_mtime_ns
            if not found.st_nlink:
                # A bind mount, such as the systemd unit's, goes on showing
                # the folder that was there when it was made.
                self._complain(
                    'it was removed, and a new one is not seen', _RESTART
                )
                return None
            if changed == self._seen:
                return None
            names = os.listdir(self._path)
        except OSError as error:
            self._complain(error.strerror or str(error), _CHECK)
            return None
        self.complaint = None
        self._seen = changed if changed / 1e9 < now - _GRAIN else None
        return {
            instance: os.path.join(self._path, name)
            for name in names
            if (instance := addresses.instance_of(name)) is not None
        }

    def _complain(self, reason: str, advice: str) -> None:
        complaint = '%s; %s' % (reason, advice)
        if complaint != self.complaint:
            LOG.error(
                'Cannot read the folder of the guest sockets, %s: %s',
                self._path,
                complaint,
            )
        self.complaint = complaint
        # It may come back as it was, which must be noticed too.
        self._seen = None


class Watch:
    """The kernel's word on what comes and goes in a folder.

    :param changed: called with the instances whose sockets came or went.
    :param lost: called when some may have been missed: read the folder.
    """

    def __init__(
        self,
        path: str,
        loop: loop_module.Loop,
        changed: Callable[[set[str]], None],
        lost: Callable[[], None],
    ) -> None:
        self._path = path
        self._loop = loop
        self._changed = changed
        self._lost = lost
        self._inotify: inotify_simple.INotify | None = None
        self._complained = False

    @property
    def active(self) -> bool:
        """Whether the folder is being watched."""
        return self._inotify is not None

    def start(self) -> None:
        """Watch the folder if that is possible and not done yet."""
        if self._inotify is not None:
            return
        inotify = None
        try:
            inotify = inotify_simple.INotify(nonblocking=True)
            inotify.add_watch(self._path, _WATCHED)
            self._loop.watch(inotify.fileno(), loop_module.READ, self)
        except OSError as error:
            if inotify is not None:
                inotify.close()
            if not self._complained:
                LOG.warning(
                    'Cannot watch the folder of the guest sockets, %s: %s; '
                    'looking at it every second instead',
                    self._path,
                    error.strerror,
                )
            self._complained = True
            return
        self._complained = False
        self._inotify = inotify

    def on_ready(self, events: int) -> None:
        """Pass on what the kernel tells."""
        if self._inotify is None:
            return
        found: set[str] = set()
        for event in self._inotify.read(timeout=0):
            if event.mask & _ENDED:
                self.close()
                self._lost()
                return
            instance = addresses.instance_of(event.name)
            if instance is not None:
                found.add(instance)
        if found:
            self._changed(found)

    def on_failure(self) -> None:
        """Begin anew."""
        self.close()
        self._lost()

    def close(self) -> None:
        """Watch no more."""
        if self._inotify is not None:
            self._loop.forget(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None
