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
import http
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
from nova_ext.channel import metrics
from nova_ext.channel import monitor
from nova_ext.channel import notify
from nova_ext.channel import router

LOG = logging.getLogger(__name__)

#: Longest pause between two looks into a folder that cannot be watched.
_UNWATCHED_INTERVAL = 1.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the daemon is told by ``[nova_ext_channel]``.

    :ivar monitor: where health and counts are served; empty for
        nowhere.
    :ivar legacy_prefix: put before abstract names; for tests.
    """

    guest_socket_dir: str
    local_socket: str
    allowed_users: tuple[str, ...] = ()
    scan_interval: float = 10.0
    monitor: str = ''
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
        monitor=group.monitor,
        legacy_socket=group.legacy_socket,
        legacy_addresses=tuple(group.legacy_addresses),
        limits=limits_module.from_conf(group),
    )


class Daemon:
    """All of it, in one thread.

    :raises local.CannotServe: a socket cannot be had, mostly because another
        daemon serves it.
    :raises OSError: this host is short of files or memory.
    :raises ValueError: an option has no usable value.
    :ivar serving: set once programs and guests are served.
    :ivar router: the tables and counts; not to be touched by other threads.
    """

    def __init__(self, settings: Settings) -> None:
        self.serving = threading.Event()
        self._settings = settings
        self._loop = loop.Loop()
        self._folder = folder.Folder(settings.guest_socket_dir)
        self._watch = folder.Watch(
            settings.guest_socket_dir,
            self._loop,
            self._changed,
            self._look_unwatched,
        )
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
            settings.limits,
            self._legacy,
            seek=lambda instance: self._changed({instance}),
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
        self._monitor = self._begin_monitor(settings.monitor)

    def stop(self) -> None:
        """End `run` soon; callable from signal handlers and other threads."""
        self._loop.stop()

    def run(self) -> None:
        """Serve until `stop` is called."""
        try:
            self._look_again()
            self._look_unwatched()
            self.serving.set()
            notify.tell('READY=1')
            self._show_life()
            LOG.info(
                'Serving programs at %s and guests in %s',
                self._settings.local_socket,
                self._settings.guest_socket_dir,
            )
            self._loop.run()
        finally:
            self._close()

    def _close(self) -> None:
        notify.tell('STOPPING=1')
        if self._monitor is not None:
            self._monitor.close()
        self._local.close()
        self._watch.close()
        if self._legacy is not None:
            self._legacy.close()
        for guest in list(self._guests.values()):
            guest.close()
        self._loop.close()

    def _begin_monitor(self, where: str) -> monitor.Monitor | None:
        """Serve health and counts; guests are served without them too."""
        if not where:
            return None
        try:
            return monitor.Monitor(where, self._loop, self._page)
        except (local.CannotServe, OSError) as error:
            LOG.error(
                'Health and counts are not served at %s: %s; check '
                '[nova_ext_channel]monitor',
                where,
                error,
            )
            return None

    def _show_life(self) -> None:
        interval = notify.interval()
        if interval is not None:
            notify.tell('WATCHDOG=1')
            self._loop.call_later(interval, self._show_life)

    def _status(self) -> metrics.Status:
        connected = sum(guest.connected for guest in self._guests.values())
        return metrics.Status(
            totals=self.router.totals(),
            guests=len(self._guests),
            connected=connected,
            programs=len(self.router.addresses),
        )

    def _page(self, path: str) -> monitor.Page | None:
        """Return the answer to an HTTP request."""
        ok = http.HTTPStatus.OK
        if path == '/metrics':
            body = metrics.totals(self._status())
            return monitor.Page(ok, metrics.CONTENT_TYPE, [body])
        if path == '/metrics/guests':
            return monitor.Page(
                ok, metrics.CONTENT_TYPE, metrics.each(self._guests.values())
            )
        if path == '/health':
            return self._health()
        return None

    def _health(self) -> monitor.Page:
        complaint = self._folder.complaint
        status = http.HTTPStatus.OK
        if complaint is not None:
            status = http.HTTPStatus.SERVICE_UNAVAILABLE
            complaint = 'the folder of the guest sockets: ' + complaint
        body = (complaint or 'ok') + '\n'
        return monitor.Page(status, 'text/plain', [body.encode('ascii')])

    def _look_again(self) -> None:
        # First, so that no error of one look is the end of all.
        self._loop.call_later(self._settings.scan_interval, self._look_again)
        self._look()

    def _look_unwatched(self) -> None:
        """Look, and more often until the folder can be watched."""
        try:
            self._look()
        finally:
            if not self._watch.active:
                interval = min(
                    self._settings.scan_interval, _UNWATCHED_INTERVAL
                )
                self._loop.call_later(interval, self._look_unwatched)

    def _look(self) -> None:
        """Bring the guests in line with the folder."""
        # First, so that nothing comes between the look and the watch.
        self._watch.start()
        sockets = self._folder.look()
        if sockets is None:
            return
        for instance in self._guests.keys() | sockets.keys():
            self._found(instance, sockets.get(instance))

    def _changed(self, instances: set[str]) -> None:
        """Bring some guests in line with the folder."""
        for instance in instances:
            self._found(instance, self._folder.socket_of(instance))

    def _found(self, instance: str, path: str | None) -> None:
        guest = self._guests.get(instance)
        if guest is None:
            if path is not None:
                self._add(instance, path)
        elif path is not None:
            guest.file_appeared()
        else:
            guest.file_vanished()

    def _add(self, instance: str, path: str) -> None:
        guest = guests.Guest(
            instance,
            path,
            self._loop,
            self._settings.limits,
            self.router.from_guest,
            self._remove,
            self.router.programs,
        )
        self._guests[instance] = guest
        self.router.guests[instance] = guest
        guest.connect()

    def _remove(self, guest: guests.Guest) -> None:
        del self._guests[guest.instance]
        self.router.remove(guest)
