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
"""nova-ext-channel: owns the guests' sockets of one host.

Guests are hostile input. Their bytes are read here, in a process without
rights to anything else, and only whole, bounded messages with a known sender
go on to the programs of this host.
"""

import dataclasses
import threading

from oslo_config import cfg
from oslo_log import log as logging

from nova_ext.channel import admission
from nova_ext.channel import folder
from nova_ext.channel import guests
from nova_ext.channel import legacy
from nova_ext.channel import limits as limits_module
from nova_ext.channel import local
from nova_ext.channel import loop
from nova_ext.channel import router

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the daemon is told by ``[nova_ext_channel]``.

    :ivar legacy_prefix: put before abstract names; for tests.
    """

    guest_socket_dir: str
    local_socket: str
    allowed_users: tuple[str, ...] = ()
    scan_interval: float = 1.0
    legacy_socket: bool = False
    legacy_addresses: tuple[str, ...] = ()
    legacy_prefix: str = ''
    limits: limits_module.Limits = limits_module.Limits()


def settings_of(group: cfg.ConfigOpts.GroupAttr) -> Settings:
    """Return the settings that ``CONF.nova_ext_channel`` gives."""
    return Settings(
        guest_socket_dir=group.guest_socket_dir,
        local_socket=group.local_socket,
        allowed_users=tuple(group.allowed_users),
        scan_interval=group.scan_interval,
        legacy_socket=group.legacy_socket,
        legacy_addresses=tuple(group.legacy_addresses),
        limits=limits_module.from_conf(group),
    )


class Daemon:
    """All of it, in one thread.

    :raises local.SocketTaken: another daemon serves the local socket.
    :raises OSError: a socket cannot be made.
    :ivar serving: set once programs and guests are served.
    :ivar router: the tables and counts; not to be touched by other threads.
    """

    def __init__(self, settings: Settings) -> None:
        self.serving = threading.Event()
        self._settings = settings
        self._loop = loop.Loop()
        self._folder = folder.Folder(settings.guest_socket_dir)
        self._guests: dict[str, guests.Guest] = {}
        admitted = admission.Admission(settings.allowed_users)
        self._legacy = (
            legacy.LegacySocket(
                self._loop,
                settings.limits,
                admitted,
                settings.legacy_addresses,
                settings.legacy_prefix,
            )
            if settings.legacy_socket
            else None
        )
        self.router = router.Router(
            settings.limits, self._legacy, seek=lambda instance: self._look()
        )
        if self._legacy is not None:
            self._legacy.router = self.router
        self._local = local.LocalServer(
            settings.local_socket,
            self._loop,
            settings.limits,
            self.router,
            admitted,
        )

    def stop(self) -> None:
        """End `run` soon; callable from signal handlers and other threads."""
        self._loop.stop()

    def run(self) -> None:
        """Serve until `stop` is called."""
        try:
            self._look_again()
            self.serving.set()
            LOG.info(
                'Serving programs at %s and guests in %s',
                self._settings.local_socket,
                self._settings.guest_socket_dir,
            )
            self._loop.run()
        finally:
            self._close()

    def _close(self) -> None:
        self._local.close()
        if self._legacy is not None:
            self._legacy.close()
        for guest in list(self._guests.values()):
            guest.close()
        self._loop.close()

    def _look_again(self) -> None:
        self._loop.call_later(self._settings.scan_interval, self._look_again)
        self._look()

    def _look(self) -> None:
        """Bring the guests in line with the folder."""
        sockets = self._folder.look()
        if sockets is None:
            return
        for instance, guest in list(self._guests.items()):
            if instance in sockets:
                guest.file_appeared()
            else:
                guest.file_vanished()
        for instance in sockets.keys() - self._guests.keys():
            self._add(instance, sockets[instance])

    def _add(self, instance: str, path: str) -> None:
        guest = guests.Guest(
            instance,
            path,
            self._loop,
            self._settings.limits,
            self.router.from_guest,
            self._remove,
        )
        self._guests[instance] = guest
        self.router.guests[instance] = guest
        guest.connect()

    def _remove(self, guest: guests.Guest) -> None:
        del self._guests[guest.instance]
        self.router.remove(guest)
