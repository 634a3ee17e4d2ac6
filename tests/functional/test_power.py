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
"""With ``[libvirt]cpu_power_management`` idle cores are powered down."""

from typing import Any

from nova.tests import fixtures as nova_fixtures
from nova.tests.functional.libvirt import test_power_manage

from tests.functional import base
from tests.functional.fakes.effects import Effects


class Core(test_power_manage.FakeCore):
    """A core that tells when its power changes."""

    effects: Effects

    @property
    def online(self) -> bool:
        return bool(self.power_state == 'online')

    @online.setter
    def online(self, state: bool) -> None:
        self.effects.happens('power %s' % ('up' if state else 'down'))
        self.power_state = 'online' if state else 'offline'


class PowerTest(base.ScalingTestBase):
    """Nova leaves core 0 as it is, so it is not a dedicated one here."""

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(nova_fixtures.PrivsepFixture())
        self.useFixture(nova_fixtures.SysFileSystemFixture(cpus_supported=16))
        self.flags(cpu_power_management=True, group='libvirt')
        self.start_hosts('host1', cores=8, dedicated='1-15')
        self.cores: dict[int, Core] = {}
        cls = type('Core', (Core,), {'effects': self.world.effects})
        api = self.computes['host1'].driver.cpu_api
        api.core = lambda i: self.cores.setdefault(i, cls(i))
        api.power_down_all_dedicated_cpus()

    def powered(self) -> set[int]:
        return {number for number, core in self.cores.items() if core.online}

    def pinned(self) -> frozenset[int]:
        return self.states()[0][0].tracked

    def assert_power_follows(self) -> None:
        self.assertEqual(self.pinned(), self.powered())

    def _scale(self, server: dict[str, Any], direction: str) -> list[str]:
        self.world.effects.record()
        self.assert_scales(server, direction)
        self.assert_power_follows()
        return self.world.effects.stop()

    def test_a_freed_core_is_powered_down_and_a_taken_one_up(self) -> None:
        server = self.boot(4, 1, numa_nodes='1')
        self.assert_power_follows()

        log = self._scale(server, 'down')
        self.assertEqual(1, log.count('power down'))
        # After the last thread has left it, and before another can take it.
        down = log.index('power down')
        self.assertGreater(down, _last(log, 'pin'))
        self.assertLess(down, log.index('save node'))

        log = self._scale(server, 'up')
        self.assertEqual(1, log.count('power up'))
        # Before the first thread comes to it.
        self.assertLess(log.index('power up'), log.index('pin'))

    def test_a_failed_step_leaves_the_power_as_it_was(self) -> None:
        server = self.boot(4, 1, numa_nodes='1')
        self._scale(server, 'down')
        for direction in ('down', 'up'):
            self.guest(server).refuses(direction)
            self.assertEqual(400, self.scale(server, direction)[0])
            self.assert_power_follows()
            self.assert_agreement()

    def test_a_core_that_another_takes_stays_up(self) -> None:
        server = self.boot(4, 1, numa_nodes='1')
        self._scale(server, 'down')
        other = self.boot(1, name='other')
        self.assert_power_follows()
        self._delete_server(other)
        self.assert_power_follows()
        self._scale(server, 'up')

    def _overtaken(self) -> Any:
        """Return a server's older copy, whose freed core is another's now."""
        server = self.boot(4, 1, numa_nodes='1')
        for vcpus in (7, 4):
            self.boot(vcpus, name='filler', numa_nodes='1')
        older = self.instance(server['id'])
        self._scale(server, 'down')
        freed = older.numa_topology.cpu_pinning - self.pinned()
        other = self.boot(1, name='other')
        mine = self.instance(other['id']).numa_topology.cpu_pinning
        self.assertEqual(freed, mine)
        return older

    def test_older_copies_power_down_no_core_of_another(self) -> None:
        older = self._overtaken()
        older.save()
        reboot = {'reboot': {'type': 'HARD'}}
        self.api.post_server_action(older.uuid, reboot)
        self._wait_for_state_change({'id': older.uuid}, 'ACTIVE')
        self.assert_power_follows()
        self.assert_agreement()

    def test_a_deletion_by_an_older_copy(self) -> None:
        older = self._overtaken()
        older.save()
        self._delete_server({'id': older.uuid})
        self.assert_power_follows()

    def test_the_end_of_a_live_migration_by_an_older_copy(self) -> None:
        older = self._overtaken()
        owned = self.powered()
        left = self.instance(older.uuid).numa_topology.cpu_pinning
        self.computes['host1'].driver.post_live_migration_at_source(
            older._context, older, []
        )
        self.assertEqual(owned - left, self.powered())


def _last(log: list[str], name: str) -> int:
    return max(at for at, entry in enumerate(log) if entry == name)
