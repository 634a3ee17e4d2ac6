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
"""Start all services of the lab, in the order in which they need another."""

import collections.abc
import contextlib
import os
import pathlib

from tests.lab import databases
from tests.lab import environments
from tests.lab import glance
from tests.lab import guest_image
from tests.lab import keystone
from tests.lab import kvm_probe
from tests.lab import layout
from tests.lab import libvirt
from tests.lab import mariadb
from tests.lab import messaging
from tests.lab import namespace
from tests.lab import nova
from tests.lab import package_under_test
from tests.lab import packages
from tests.lab import placement
from tests.lab import progress
from tests.lab import provision
from tests.lab import rabbitmq
from tests.lab import settings
from tests.lab import stamps
from tests.lab import stand_ins
from tests.lab import supervisor
from tests.lab import wsgi_service


class Lab:
    """The lab of one cache folder.

    :param cores: how many its host has for dedicated servers.
    """

    def __init__(self, paths: layout.Layout, cores: int = 2) -> None:
        self.paths = paths
        self.cores = cores
        self.control = supervisor.Supervisor(paths)
        self.image = guest_image.GuestImage(paths)

    @property
    def settings_file(self) -> pathlib.Path:
        """Where a running lab's settings lie."""
        return self.paths.state / 'settings.json'

    def running_settings(self) -> settings.Settings:
        """The settings of the running lab."""
        return settings.load(self.settings_file)

    def build(self, guest: bool = True) -> None:
        """Install everything that is not in the cache yet.

        :param guest: false when neither keystone nor a guest is needed.
        """
        with self.paths.locked('build'):
            packages.install(self.paths)
            environments.install(self.paths, environments.NOVA)
            package_under_test.install(self.paths)
            if guest:
                environments.install(self.paths, environments.KEYSTONE)
                self.image.build()

    @contextlib.contextmanager
    def running(self) -> collections.abc.Iterator[None]:
        """Have the lab up, and down again unless it was up before.

        The lab ends with this process, however that ends.
        """
        mine = not self.is_up()
        try:
            self.ensure_up(owner=os.getpid() if mine else None)
            yield
        finally:
            if mine:
                self.down()

    def is_up(self) -> bool:
        """Whether a started lab runs."""
        return self.settings_file.exists() and self.control.running()

    def ensure_up(self, owner: int | None = None) -> None:
        """Build what is missing and start what does not run.

        A lab that was started from other sources, or with another number of
        cores, is started anew.

        :param owner: the process whose end shall end the lab, if any.
        """
        self.build()
        if self.is_up():
            if stamps.holds(self._built_from_file, self._built_from()):
                return
            progress.say('The sources or the cores changed: starting anew.')
        self.up(owner)

    @property
    def _built_from_file(self) -> pathlib.Path:
        return self.paths.state / 'built-from'

    def _built_from(self) -> str:
        """Changes when a running lab is outdated."""
        return stamps.digest(
            [
                package_under_test.digest(),
                self.image.digest(),
                str(self.cores),
            ]
        )

    def up(self, owner: int | None = None) -> None:
        """Start everything; whatever an earlier run left is ended before.

        :param owner: the process whose end shall end the lab, if any.
        :raises errors.LabError: with the log of what failed.
        """
        self.down()
        virt_type = kvm_probe.virt_type(self.paths, self.image.base)
        password = databases.password(self.paths)
        chosen = settings.choose(virt_type, password, self.cores)
        self.paths.empty_state()
        binds = {
            pathlib.Path('/run'): self.paths.run,
            pathlib.Path('/etc/hosts'): self._hosts(),
            **libvirt.binds(self.paths),
            **stand_ins.binds(self.paths, chosen),
        }
        self.configure(chosen)
        self.control.open(binds, owner)
        try:
            self._start(chosen)
        except BaseException:
            self.control.close()
            raise
        stamps.write(self._built_from_file, self._built_from())
        chosen.save(self.settings_file)

    def configure(self, chosen: settings.Settings) -> None:
        """Write every configuration file."""
        keystone.configure(self.paths)
        placement.configure(self.paths, chosen)
        glance.configure(self.paths, chosen)
        nova.configure(self.paths, chosen, messaging.section())
        libvirt.configure(self.paths)
        libvirt.show(self.paths, namespace.HOST_NAME)

    def _hosts(self) -> pathlib.Path:
        file = self.paths.configuration / 'hosts'
        # A line each: libvirt takes the first name of a line for the host's.
        names = ('localhost', namespace.HOST_NAME, namespace.SECOND_HOST_NAME)
        file.write_text(''.join(f'{settings.HOST} {name}\n' for name in names))
        return file

    def _start(self, chosen: settings.Settings) -> None:
        paths, control = self.paths, self.control
        with progress.step('Start message bus, databases and libvirt'):
            broker = rabbitmq.service(paths, chosen)
            control.launch(broker)
            control.start(
                libvirt.service(paths, chosen),
                wsgi_service.neutron(paths, chosen),
            )
            databases.provide(paths, control, chosen.password)
            identity = keystone.service(paths, chosen)
            control.launch(identity)
            control.await_ready(broker)
        with progress.step('Start keystone, placement, glance and nova'):
            others = [
                placement.service(paths, chosen),
                glance.service(paths, chosen),
                nova.api(paths, chosen),
                nova.daemon(paths, 'nova-conductor', self._conductor_up),
                nova.daemon(paths, 'nova-scheduler', self._scheduler_up),
            ]
            groups = messaging.program(paths, messaging.SERVICE)
            for service in others:
                control.launch(service)
            control.await_ready(identity)
            provision.identity(chosen)
            for service in others:
                control.await_ready(service)
            control.launch(groups)
        with progress.step('Start nova-compute and upload the guest image'):
            compute = [
                nova.channel(paths),
                messaging.program(paths, messaging.RELAY),
                nova.daemon(paths, 'nova-compute', self.compute_up),
            ]
            for service in compute:
                control.launch(service)
            provision.images(chosen, self.image)
            for service in (groups, *compute):
                control.await_ready(service)
            control.start(nova.discovery(paths))

    def _conductor_up(self) -> bool:
        return self._registered('nova-conductor')

    def _scheduler_up(self) -> bool:
        return self._registered('nova-scheduler')

    def _registered(self, binary: str) -> bool:
        """Whether a service has entered itself in the database."""
        found = mariadb.query(
            self.paths,
            'nova',
            'SELECT 1 FROM services WHERE deleted = 0 AND '
            f"`binary` = '{binary}'",
        )
        return bool(found)

    def compute_up(self, host: str = namespace.HOST_NAME) -> bool:
        """Whether a compute host has reported what it has."""
        found = mariadb.query(
            self.paths,
            'nova',
            'SELECT 1 FROM compute_nodes WHERE deleted = 0 AND '
            f"host = '{host}'",
        )
        return bool(found)

    def down(self) -> None:
        """End everything; nothing is an error that has ended already."""
        self.control.close()
        self.settings_file.unlink(missing_ok=True)
