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
"""The steps of a server's life on its host, which keep it scaled down."""

from typing import Any

from hypothesis import stateful
from hypothesis import strategies as st
from nova.compute import vm_states

from tests.functional.walk import cloud
from tests.functional.walk.cloud import Seen
from tests.functional.walk.machine import DOWN
from tests.functional.walk.machine import WHICH
from tests.functional.walk.machine import Machine
from tests.functional.walk.machine import when

#: The states in which an image can be made of a server.
KEPT = (
    vm_states.ACTIVE,
    vm_states.STOPPED,
    vm_states.PAUSED,
    vm_states.SUSPENDED,
)

#: Actions, and the states in which Nova must refuse them.
REFUSED: dict[str, tuple[Any, tuple[str, ...]]] = {
    'pause': (None, (vm_states.PAUSED, vm_states.STOPPED)),
    'unpause': (None, (vm_states.ACTIVE, vm_states.SUSPENDED)),
    'suspend': (None, (vm_states.STOPPED, vm_states.PAUSED)),
    'os-start': (None, (vm_states.ACTIVE, vm_states.RESIZED)),
    'confirmResize': (None, (vm_states.ACTIVE, vm_states.STOPPED)),
    'unshelve': (None, (vm_states.ACTIVE, vm_states.STOPPED)),
    'os-migrateLive': (
        {'host': None, 'block_migration': 'auto'},
        (vm_states.STOPPED, vm_states.SUSPENDED, vm_states.RESIZED),
    ),
    'migrate': (None, (vm_states.PAUSED, vm_states.RESCUED)),
    'shelve': (None, (vm_states.RESCUED, vm_states.RESIZED)),
    'rebuild': (
        {'imageRef': cloud.OTHER_IMAGE},
        (vm_states.PAUSED, vm_states.SUSPENDED),
    ),
    'evacuate': ({}, (vm_states.ACTIVE, vm_states.STOPPED)),
    'wrs-res:scale': (
        {'direction': 'down', 'resource': 'cpu'},
        (
            vm_states.PAUSED,
            vm_states.STOPPED,
            vm_states.SUSPENDED,
            vm_states.RESCUED,
            vm_states.RESIZED,
            vm_states.SHELVED,
            vm_states.SHELVED_OFFLOADED,
        ),
    ),
}


class Life(Machine):
    """What a tenant does to a server that stays where it is."""

    def keeps(
        self,
        server: Seen,
        ends: str,
        action: str,
        argument: Any = None,
        how: str = '',
    ) -> None:
        """Carry out an action that keeps a server scaled down.

        :param ends: the ``vm_state`` that it ends in.
        :param how: counted with it.
        """
        offline = self.offline(server)
        with self.step((action + ' ' + how).rstrip(), server):
            self.accepted(server, action, argument)
            self.cloud.wait(server.uuid, ends)
        self.must('offline', offline, self.offline(server))

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def pause(self, which: int) -> None:
        server = self.pick(which, vm_states.ACTIVE)
        self.keeps(server, vm_states.PAUSED, 'pause')

    @when(vm_states.PAUSED)
    @stateful.rule(which=WHICH)
    def unpause(self, which: int) -> None:
        server = self.pick(which, vm_states.PAUSED)
        self.keeps(server, vm_states.ACTIVE, 'unpause')

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def suspend(self, which: int) -> None:
        server = self.pick(which, vm_states.ACTIVE)
        self.keeps(server, vm_states.SUSPENDED, 'suspend')

    @when(vm_states.SUSPENDED)
    @stateful.rule(which=WHICH)
    def resume(self, which: int) -> None:
        server = self.pick(which, vm_states.SUSPENDED)
        self.keeps(server, vm_states.ACTIVE, 'resume')

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def stop(self, which: int) -> None:
        server = self.pick(which, vm_states.ACTIVE)
        self.keeps(server, vm_states.STOPPED, 'os-stop')

    @when(vm_states.STOPPED)
    @stateful.rule(which=WHICH)
    def start(self, which: int) -> None:
        server = self.pick(which, vm_states.STOPPED)
        self.keeps(server, vm_states.ACTIVE, 'os-start')

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH, how=st.sampled_from(['SOFT', 'HARD']))
    def reboot(self, which: int, how: str) -> None:
        server = self.pick(which, vm_states.ACTIVE)
        self.keeps(server, vm_states.ACTIVE, 'reboot', {'type': how}, how)

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def crash(self, which: int) -> None:
        """The guest crashes, and libvirt starts it again."""
        server = self.pick(which, vm_states.ACTIVE)
        with self.step('crash', server):
            self.cloud.domain({'id': server.uuid}).reset(0)

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def end_qemu(self, which: int) -> None:
        """QEMU dies, which Nova takes for a stop."""
        server = self.pick(which, vm_states.ACTIVE)
        offline = self.offline(server)
        with self.step('QEMU dies', server):
            self.cloud.domain({'id': server.uuid}).destroy()
            self.cloud.hear_of_the_end(server)
            self.cloud.wait(server.uuid, vm_states.STOPPED)
        self.must('offline', offline, self.offline(server))

    @when(vm_states.ACTIVE, vm_states.STOPPED)
    @stateful.rule(which=WHICH)
    def rebuild(self, which: int) -> None:
        server = self.pick(which, vm_states.ACTIVE, vm_states.STOPPED)
        image = {'imageRef': cloud.OTHER_IMAGE}
        self.keeps(server, server.vm_state, 'rebuild', image)

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def rescue(self, which: int) -> None:
        server = self.pick(which, vm_states.ACTIVE)
        self.keeps(server, vm_states.RESCUED, 'rescue', {})

    @when(vm_states.RESCUED)
    @stateful.rule(which=WHICH)
    def unrescue(self, which: int) -> None:
        server = self.pick(which, vm_states.RESCUED)
        self.keeps(server, vm_states.ACTIVE, 'unrescue')

    @when(*KEPT)
    @stateful.rule(which=WHICH)
    def snapshot(self, which: int) -> None:
        server = self.pick(which, *KEPT)
        image = {'name': 'snapshot'}
        self.keeps(server, server.vm_state, 'createImage', image)

    @when(*KEPT)
    @stateful.rule(which=WHICH)
    def backup(self, which: int) -> None:
        server = self.pick(which, *KEPT)
        # Nova's fake of Glance finds all images there are, of which Nova
        # would delete what is beyond the rotation.
        image = {'name': 'backup', 'backup_type': 'daily', 'rotation': 10**6}
        self.keeps(server, server.vm_state, 'createBackup', image)

    @stateful.rule(
        name=st.sampled_from([name for name, _, _ in cloud.SERVERS]),
        flavor=st.sampled_from(sorted(cloud.FLAVORS)),
        down=DOWN,
        force=st.booleans(),
        image=st.sampled_from(['', 'snapshot', 'backup']),
    )
    def replace(
        self, name: str, flavor: str, down: int, force: bool, image: str
    ) -> None:
        """Delete a server in whatever state, and create another."""
        server = self.seen[name]
        how = 'delete, force' if force else 'delete'
        if server.host in self.cloud.away:
            how = 'delete with the host away'
        origin = self.cloud.image(image)
        if origin:
            how += ', create from a ' + image
        with self.step(how, server, 'and create ' + flavor):
            self.cloud.delete(server.uuid, force)
            self.create(name, flavor, down, image=origin or cloud.IMAGE)

    @stateful.rule(which=WHICH, action=st.sampled_from(sorted(REFUSED)))
    def refused(self, which: int, action: str) -> None:
        """Ask for what Nova refuses in this state; nothing changes."""
        argument, states = REFUSED[action]
        fit = self.fit(states)
        if not fit:
            return
        server = fit[which % len(fit)]
        before = self.servers.get(server.name)
        with self.step('refused', server, action):
            status, text = self.ask(server, action, argument)
            self.must('refused (%s)' % text, True, 400 <= status < 500)
        self.must('state', before, self.servers.get(server.name))
