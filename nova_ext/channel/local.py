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
"""The socket on which the programs of this host reach the daemon."""

import errno
import os
import socket
import stat

from oslo_log import log as logging

from nova_ext.channel import admission as admission_module
from nova_ext.channel import limits as limits_module
from nova_ext.channel import loop as loop_module
from nova_ext.channel import peers
from nova_ext.channel import router as router_module

LOG = logging.getLogger(__name__)

_BACKLOG = 128
#: Seconds without accepting after that failed, mostly for want of files.
_ACCEPT_PAUSE = 1.0


class CannotServe(Exception):
    """A socket cannot be had; the text says why and what to do."""


def listen(
    path: str,
    kind: socket.SocketKind = socket.SOCK_SEQPACKET,
    group: str = '[nova_ext_channel]',
) -> socket.socket:
    """Return a listening socket, in place of a dead process's.

    :param group: the options that name the path, for what is raised.
    :raises CannotServe: a living process listens there, it is no socket, or
        the folder takes none.
    """
    try:
        _remove_dead(path, kind, group)
        return _listening(path, kind)
    except OSError as error:
        # Python's own errors, such as a path too long, have no number.
        raise CannotServe(
            '%s cannot be made: %s. Check that its folder exists and that '
            "this process's user may write to it, or set another path in "
            '%s.' % (path, error.strerror or error, group)
        ) from error


def _listening(path: str, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, kind)
    try:
        # Before bind, so that the file never exists with more permissions;
        # after it, whatever the umask took away.
        os.fchmod(sock.fileno(), 0o660)
        sock.bind(path)
        os.chmod(path, 0o660)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _remove_dead(path: str, kind: socket.SocketKind, group: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotServe(
            '%s is not a socket: remove it, or set another path in %s.'
            % (path, group)
        )
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:
                raise CannotServe(
                    '%s cannot be checked for another process: %s.'
                    % (path, error)
                ) from error
            os.unlink(path)
            return
    raise CannotServe('Another process serves %s: stop it first.' % path)


class LocalServer:
    """Accepts the programs of this host."""

    def __init__(
        self,
        path: str,
        loop: loop_module.Loop,
        limits: limits_module.Limits,
        router: router_module.Router,
        admission: admission_module.Admission,
    ) -> None:
        self._path = path
        self._loop = loop
        self._limits = limits
        self._router = router
        self._admission = admission
        self.programs: set[peers.LocalPeer] = set()
        self._socket = listen(path)
        loop.watch(self._socket.fileno(), loop_module.READ, self)

    def on_ready(self, events: int) -> None:
        """Accept one program, if it is admitted."""
        try:
            sock, _ = self._socket.accept()
        except BlockingIOError:
            return
        except OSError as error:
            LOG.error('Cannot accept a local program: %s', error)
            self._loop.change(self._socket.fileno(), 0)
            self._loop.call_later(_ACCEPT_PAUSE, self._accept_again)
            return
        sock.setblocking(False)
        uid = admission_module.peer_uid(sock)
        refusal = None
        if not self._admission.admits(uid):
            refusal = 'user %d is not admitted' % uid
            LOG.warning('Refused a local program: %s', refusal)
        self.programs.add(
            peers.LocalPeer(
                sock,
                self._loop,
                self._limits,
                self._router,
                self.programs.discard,
                refusal,
            )
        )

    def _accept_again(self) -> None:
        self._loop.change(self._socket.fileno(), loop_module.READ)

    def on_failure(self) -> None:
        """Go on: the next program may be another."""

    def close(self) -> None:
        """Close the socket and all connections, and remove the file."""
        for program in list(self.programs):
            program.close()
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
