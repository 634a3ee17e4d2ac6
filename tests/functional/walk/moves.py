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

from tests.functional import operations
from tests.functional.fakes import migrations
from tests.functional.walk import cloud
from tests.functional.walk.cloud import Seen
from tests.functional.walk.machine import WHICH
from tests.functional.walk.machine import Machine
from tests.functional.walk.machine import when

LIVE = (vm_states.ACTIVE, vm_states.PAUSED)
COLD = (vm_states.ACTIVE, vm_states.STOPPED)
SHELVABLE = (*COLD, vm_states.PAUSED, vm_states.SUSPENDED)
SHELVED = (vm_states.SHELVED, vm_states.SHELVED_OFFLOADED)
FLAVOR = st.sampled_from(sorted(cloud.FLAVORS))


class Moves(Machine):
    """Live and cold migration, resize, and shelving."""

    # -- live --------------------------------------------------------------

    @when(*LIVE)
    @stateful.rule(
        which=WHICH,
        how=st.sampled_from(
            ['goes', 'goes', 'fails', 'is aborted', 'does not begin']
        ),
    )
    def live_migrate(self, which: int, how: str) -> None:
        """Migrate live; it may not fit, or fail on the way."""
        server = self.pick(which, *LIVE)
        state = server.vm_state
        offline = self.offline(server)
        with self.step('live migrate %s, %s' % (state, how), server):
            with self._on_the_way(how, server) as failures:
                where = {'host': None, 'block_migration': 'auto'}
                self.ask(server, 'os-migrateLive', where)
                self.cloud.wait(server.uuid)
            if failures:
                # Nova rolls it back, and shows an error all the same.
                self.cloud.wait(server.uuid, vm_states.ERROR)
                self._reset(server)
            self.has_moved(server)
        self.must('offline', offline, self.offline(server))
        self.must('state', state, self.seen[server.name].vm_state)
        if how != 'goes':
            self.must('host', server.host, self.seen[server.name].host)

    def _reset(self, server: Seen) -> None:
        """Do what an operator does with a server in ERROR that is well."""
        self.accepted(server, 'os-resetState', {'state': 'active'})
        self.cloud.wait(server.uuid, vm_states.ACTIVE)
        if server.vm_state == vm_states.PAUSED:
            self.accepted(server, 'pause')
            self.cloud.wait(server.uuid, vm_states.PAUSED)

    @contextlib.contextmanager
    def _on_the_way(self, how: str, server: Seen) -> Iterator[list[str]]:
        """Let live migrations go well or fail; yield those that failed."""
        failures: list[str] = []

        def interfere(old: Any, new: Any) -> None:
            failures.append(how)
            if how == 'fails':
                migrations.fails(old, new)
            self.audit_all()
            abort = self.cloud.prepare_abort(server.uuid)
            migrations.is_aborted(old, abort)

        world = self.cloud.world
        usual = world.on_migration
        if how in ('fails', 'is aborted'):
            world.on_migration = interfere
        try:
            with self.unless(how == 'does not begin', 'pre_live_migration'):
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
    @stateful.rule(which=WHICH, here=st.booleans(), rolled=st.booleans())
    def fail_to_leave(self, which: int, here: bool, rolled: bool) -> None:
        """Fail to leave, for a host or for its own; Nova may roll it back."""
        server = self.pick(which, *COLD)
        offline = self.offline(server)
        action, argument, where = 'migrate', None, contextlib.nullcontext()
        if here:
            action, argument = 'resize', self._flavor('high minimum')
            where = self._only_here(server)
        what = action + (' here' if here else '')
        what += ', is rolled back' if rolled else ', does not leave'
        with (
            self.step(what, server),
            where,
            operations.broken('migrate_disk_and_power_off', rolled),
            operations.cast('resize_instance'),
        ):
            self.ask(server, action, argument)
            self.cloud.wait(server.uuid)
            # Nova keeps its claim on the other host until the next audit.
            self.arrived.add(server.uuid)
            if here:
                self.misjudged.add(server.uuid)
        now = self.seen[server.name]
        self.must('offline', offline, self.offline(server))
        self.must('host', server.host, now.host)
        if rolled:
            self.must('state', server.vm_state, now.vm_state)

    @when(*COLD)
    @stateful.rule(which=WHICH)
    def fail_to_start(self, which: int) -> None:
        """Migrate cold, and fail to start there; an operator mends it."""
        server = self.pick(which, *COLD)
        offline = self.offline(server)
        with self.step('migrate, does not start', server):
            with (
                operations.broken('finish_migration'),
                operations.cast('finish_resize'),
            ):
                self.ask(server, 'migrate')
                self.cloud.wait(server.uuid)
            if self.has_moved(server):
                offline = frozenset()
                self.cloud.undefine(server)
                self.audit_all()
                self.accepted(server, 'reboot', {'type': 'HARD'})
                self.cloud.wait(server.uuid, vm_states.ACTIVE)
        self.must('offline', offline, self.offline(server))

    @when(vm_states.ERROR)
    @stateful.rule(which=WHICH)
    def mend(self, which: int) -> None:
        """Reboot a server in ERROR that is on a host."""
        server = self.pick(which, vm_states.ERROR)
        if server.name not in self.servers:
            return
        offline = self.offline(server)
        with self.step('reboot HARD in ERROR', server):
            self.accepted(server, 'reboot', {'type': 'HARD'})
            self.cloud.wait(server.uuid, vm_states.ACTIVE)
        self.must('offline', offline, self.offline(server))

    @when(*COLD)
    @stateful.rule(which=WHICH, flavor=FLAVOR)
    def resize(self, which: int, flavor: str) -> None:
        """Resize to a flavor, scalable or not; it may not fit."""
        server = self.pick(which, *COLD)
        self._resize(server, 'resize', self._flavor(flavor), 'to ' + flavor)

    @when(*COLD)
    @stateful.rule(which=WHICH, flavor=FLAVOR)
    def resize_here(self, which: int, flavor: str) -> None:
        """Resize on the same host; both sizes may not fit."""
        server = self.pick(which, *COLD)
        with self._only_here(server):
            self._resize(server, 'resize', self._flavor(flavor), 'here')

    def _flavor(self, name: str) -> dict[str, Any]:
        return {'flavorRef': self.cloud.flavors[name]}

    @contextlib.contextmanager
    def _only_here(self, server: Seen) -> Iterator[None]:
        """Let a server be resized to nowhere but its host."""
        others = [one for one in cloud.HOSTS if one != server.host]
        self.cloud.flags(allow_resize_to_same_host=True)
        for one in others:
            self.cloud.mark_down(one, True)
        try:
            yield
        finally:
            self.cloud.flags(allow_resize_to_same_host=False)
            for one in others:
                self.cloud.mark_down(one, one in self.cloud.away)

    def _resize(
        self, server: Seen, action: str, argument: Any, how: str = ''
    ) -> None:
        before = self.servers[server.name]
        with self.step((action + ' ' + how).rstrip(), server):
            self.ask(server, action, argument)
            ends = [vm_states.RESIZED, server.vm_state]
            if action == 'migrate' and server.uuid in self.misjudged:
                ends.append(vm_states.ERROR)
            if self.cloud.wait(server.uuid, *ends) == vm_states.RESIZED:
                self.arrived.add(server.uuid)
        if self.seen[server.name].vm_state == vm_states.RESIZED:
            self.had[server.name] = before.offline
            self.must('offline', frozenset(), self.offline(server))
            if self.seen[server.name].host == server.host:
                self.resized_here.add(server.uuid)
        else:
            self.must('state', before, self.servers[server.name])

    @when(vm_states.RESIZED)
    @stateful.rule(which=WHICH)
    def confirm(self, which: int) -> None:
        """Confirm a resize; the server is at its flavor's maximum."""
        server = self.pick(which, vm_states.RESIZED)
        where: Any = contextlib.nullcontext()
        if server.uuid in self.resized_here:
            where = self.cloud.as_its_host(server)
        with self.step('confirm', server), where:
            self.accepted(server, 'confirmResize')
            self.cloud.wait(server.uuid, *COLD)
        self.resized_here.discard(server.uuid)
        del self.had[server.name]
        self.must('offline', frozenset(), self.offline(server))

    @when(vm_states.RESIZED)
    @stateful.rule(which=WHICH)
    def revert(self, which: int) -> None:
        """Revert a resize; the server is as before."""
        server = self.pick(which, vm_states.RESIZED)
        with self.step('revert', server):
            self.accepted(server, 'revertResize')
            self.cloud.wait(server.uuid, *COLD)
            self.arrived.add(server.uuid)
        self.resized_here.discard(server.uuid)
        had = self.had.pop(server.name)
        self.must('offline', had, self.offline(server))

    # -- shelving ----------------------------------------------------------

    @when(*SHELVABLE)
    @stateful.rule(which=WHICH, offload=st.booleans())
    def shelve(self, which: int, offload: bool) -> None:
        """Shelve a server, and offload it at once, or not."""
        server = self.pick(which, *SHELVABLE)
        offline = self.offline(server)
        self.cloud.flags(shelved_offload_time=0 if offload else -1)
        with self.step('shelve', server):
            self.accepted(server, 'shelve')
            self.cloud.wait(server.uuid, SHELVED[offload])
        self.had[server.name] = offline

    @when(vm_states.SHELVED)
    @stateful.rule(which=WHICH)
    def offload(self, which: int) -> None:
        """Offload a server that was shelved without."""
        server = self.pick(which, vm_states.SHELVED)
        with self.step('shelveOffload', server):
            self.accepted(server, 'shelveOffload')
            self.cloud.wait(server.uuid, vm_states.SHELVED_OFFLOADED)

    @when(*SHELVED)
    @stateful.rule(which=WHICH, spawns=st.sampled_from([True, True, False]))
    def unshelve(self, which: int, spawns: bool) -> None:
        """Unshelve a server; it may not fit anywhere, or not spawn."""
        server = self.pick(which, *SHELVED)
        fails = not spawns and server.vm_state == vm_states.SHELVED_OFFLOADED
        what = 'unshelve ' + server.vm_state
        if fails:
            what += ', does not spawn'
        with self.step(what, server):
            with self.unless(fails, 'spawn'):
                self.ask(server, 'unshelve')
                self.cloud.wait(server.uuid, vm_states.ACTIVE, server.vm_state)
        if self.seen[server.name].vm_state == vm_states.ACTIVE:
            had = self.had.pop(server.name)
            self.must('offline', had, self.offline(server))
