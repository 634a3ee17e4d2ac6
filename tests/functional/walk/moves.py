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
"""The steps that move a server to another host."""

from collections.abc import Iterator
import contextlib
from typing import Any

from hypothesis import stateful
from hypothesis import strategies as st
from nova.compute import vm_states
from nova.tests.fixtures import libvirt as fakelibvirt

from tests.functional.walk import cloud
from tests.functional.walk.cloud import Seen
from tests.functional.walk.machine import WHICH
from tests.functional.walk.machine import Machine
from tests.functional.walk.machine import when

LIVE = (vm_states.ACTIVE,)
COLD = (vm_states.ACTIVE, vm_states.STOPPED)
SHELVABLE = (*COLD, vm_states.PAUSED, vm_states.SUSPENDED)

FAILED = fakelibvirt.make_libvirtError(
    fakelibvirt.libvirtError,
    'operation failed: migration job: unexpectedly failed',
    error_code=fakelibvirt.VIR_ERR_INTERNAL_ERROR,
    error_domain=fakelibvirt.VIR_FROM_QEMU,
)


class Moves(Machine):
    """Live and cold migration, resize, and shelving."""

    def __init__(self) -> None:
        super().__init__()
        #: What servers had offline before they were resized or shelved.
        self.had: dict[str, frozenset[int]] = {}

    # -- live --------------------------------------------------------------

    @when(*LIVE)
    @stateful.rule(
        which=WHICH, how=st.sampled_from(['goes', 'goes too', 'fails'])
    )
    def live_migrate(self, which: int, how: str) -> None:
        """Migrate live; it may not fit, or fail on the way."""
        server = self.pick(which, *LIVE)
        offline = self.offline(server)
        with self.step('live migrate, %s' % how, server):
            with self._on_the_way(how) as failures:
                where = {'host': None, 'block_migration': 'auto'}
                self.ask(server, 'os-migrateLive', where)
                self.cloud.wait(server.uuid)
            if failures:
                # Nova rolls it back, and shows an error all the same.
                self.cloud.wait(server.uuid, vm_states.ERROR)
                self.accepted(server, 'os-resetState', {'state': 'active'})
                self.cloud.wait(server.uuid, vm_states.ACTIVE)
        self.must('offline', offline, self.offline(server))
        if how == 'fails':
            self.must('host', server.host, self.seen[server.name].host)

    @contextlib.contextmanager
    def _on_the_way(self, how: str) -> Iterator[list[str]]:
        """Let live migrations go well or fail; yield those that failed."""
        failures: list[str] = []

        def fail(old: Any, new: Any) -> None:
            failures.append(old.name())
            raise FAILED

        world = self.cloud.world
        usual = world.on_migration
        if how == 'fails':
            world.on_migration = fail
        try:
            yield failures
        finally:
            world.on_migration = usual

    # -- cold --------------------------------------------------------------

    @when(*COLD)
    @stateful.rule(which=WHICH)
    def migrate(self, which: int) -> None:
        """Migrate cold; it may not fit."""
        self._resize(self.pick(which, *COLD), 'migrate', None)

    @when(*COLD)
    @stateful.rule(which=WHICH, flavor=st.sampled_from(sorted(cloud.FLAVORS)))
    def resize(self, which: int, flavor: str) -> None:
        """Resize to a flavor, scalable or not; it may not fit."""
        to = {'flavorRef': self.cloud.flavors[flavor]}
        self._resize(self.pick(which, *COLD), 'resize', to)

    def _resize(self, server: Seen, action: str, argument: Any) -> None:
        before = self.servers[server.name]
        with self.step(action, server):
            self.ask(server, action, argument)
            self.cloud.wait(server.uuid, vm_states.RESIZED, server.vm_state)
            self.arrived = True
        if self.seen[server.name].vm_state == vm_states.RESIZED:
            self.had[server.name] = before.offline
            self.must('offline', frozenset(), self.offline(server))
        else:
            self.must('state', before, self.servers[server.name])

    @when(vm_states.RESIZED)
    @stateful.rule(which=WHICH)
    def confirm(self, which: int) -> None:
        """Confirm a resize; the server is at its flavor's maximum."""
        server = self.pick(which, vm_states.RESIZED)
        with self.step('confirm', server):
            self.accepted(server, 'confirmResize')
            self.cloud.wait(server.uuid, *COLD)
        self.must('offline', frozenset(), self.offline(server))

    @when(vm_states.RESIZED)
    @stateful.rule(which=WHICH)
    def revert(self, which: int) -> None:
        """Revert a resize; the server is as before."""
        server = self.pick(which, vm_states.RESIZED)
        with self.step('revert', server):
            self.accepted(server, 'revertResize')
            self.cloud.wait(server.uuid, *COLD)
        self.must('offline', self.had[server.name], self.offline(server))

    # -- shelving ----------------------------------------------------------

    @when(*SHELVABLE)
    @stateful.rule(which=WHICH)
    def shelve(self, which: int) -> None:
        """Shelve a server, and offload it at once."""
        server = self.pick(which, *SHELVABLE)
        offline = self.offline(server)
        with self.step('shelve', server):
            self.accepted(server, 'shelve')
            self.cloud.wait(server.uuid, vm_states.SHELVED_OFFLOADED)
        self.had[server.name] = offline

    @when(vm_states.SHELVED_OFFLOADED)
    @stateful.rule(which=WHICH)
    def unshelve(self, which: int) -> None:
        """Unshelve a server; it may not fit anywhere."""
        server = self.pick(which, vm_states.SHELVED_OFFLOADED)
        with self.step('unshelve', server):
            self.ask(server, 'unshelve')
            self.cloud.wait(
                server.uuid, vm_states.ACTIVE, vm_states.SHELVED_OFFLOADED
            )
        if self.seen[server.name].vm_state == vm_states.ACTIVE:
            self.must('offline', self.had[server.name], self.offline(server))
