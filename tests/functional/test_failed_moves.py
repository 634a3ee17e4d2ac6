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
"""Moves that fail: the surviving copy is right, the other leaves nothing."""

from typing import Any

from tests.functional import operations
from tests.functional.fakes import migrations
from tests.functional.operations import broken


class FailedMovesTest(operations.OperationsBase):
    """What Nova refuses or takes back, with its own means."""

    def fill(self, host: str) -> None:
        """Leave too few whole cores on a host, and one more than it needs."""
        for count in (6, 7):
            server = self.boot(
                count,
                host=host,
                name='filler %d' % count,
                numa_nodes='1',
                cpu_thread_policy='isolate',
            )
            self.assertEqual(host, self.instance(server['id']).host)

    def test_a_live_migration_that_fails(self) -> None:
        self.world.on_migration = migrations.fails
        # Nova says the one after it has rolled back, and then the other.
        self.live_migrate('failed', 'error')
        self.reset_state()
        self.assert_kept('host1')
        # Before the guest's memory is on its way.
        self.world.on_migration = lambda old, new: None
        with broken('pre_live_migration'):
            self.live_migrate('failed', 'error')
        self.assert_kept('host1')
        self.live_migrate()
        self.assert_kept('host2')

    def test_a_live_migration_that_is_aborted(self) -> None:
        self.world.on_migration = self.abort
        self.live_migrate('cancelled', 'error')
        self.reset_state()
        self.assert_kept('host1')
        self.assert_still_scales()
        self.world.on_migration = lambda old, new: None
        self.live_migrate()
        self.assert_agreement()

    def abort(self, old: Any, new: Any) -> None:
        """Let an operator abort, an audit run meanwhile, and QEMU obey."""
        self.audit()
        abort = self.prepare_abort(self.server['id'])
        migrations.is_aborted(old, abort)

    def test_an_audit_while_a_server_leaves_for_good_or_not(self) -> None:
        """It failed to come once, which Nova remembers."""
        self.world.on_migration = migrations.fails
        self.live_migrate('failed', 'error')
        self.reset_state()
        self.world.on_migration = lambda old, new: None
        self.live_migrate()
        self.boot(2, host='host1', name='in its place', numa_nodes='1')
        self.assert_agreement()
        before = self.states()[0]
        during = []

        def abort(old: Any, new: Any) -> None:
            self.audit()
            during.extend(self.states()[0])
            migrations.is_aborted(old, self.prepare_abort(self.server['id']))

        self.world.on_migration = abort
        self.live_migrate('cancelled', 'error')
        self.assertEqual(before[1].tracked, during[1].tracked)
        self.assertEqual('host2', before[1].name)
        self.reset_state()
        self.assert_agreement()

    def test_an_audit_while_it_is_scaled_where_it_went_later(self) -> None:
        """What Nova remembers of a failed move counts nowhere."""
        self.world.on_migration = migrations.fails
        self.live_migrate('failed', 'error')
        self.reset_state()
        self.world.on_migration = lambda old, new: None
        self.live_migrate()
        left = self.states()[0][0]
        self.assertEqual('host1', left.name)
        during = self.hosts_while_it_scales()[0]
        self.assertEqual(
            (left.vcpus, left.memory_mb), (during.vcpus, during.memory_mb)
        )
        self.assert_agreement()

    def test_a_target_without_room_for_the_maximum(self) -> None:
        """Two cores are not enough, though it uses no more."""
        self.fill('host2')
        self.live_migrate('error')
        self.assert_kept('host1')
        self.attempt('migrate')
        self.assertEqual('error', self.end_of_move().status)
        self.assert_kept('host1')
        self.fail_host('host1', power=False)
        self.attempt('evacuate', {})
        self._wait_for_server_parameter(
            self.server, {'OS-EXT-STS:task_state': None}
        )
        self.return_host('host1')
        self.assert_kept('host1')

    def test_an_evacuation_that_does_not_spawn(self) -> None:
        self.fail_host('host1')
        with broken('spawn'):
            self.attempt('evacuate', {})
            self._wait_for_migration_status(self.server, ['failed'])
            self._wait_for_server_parameter(self.server, {'status': 'ERROR'})
        self.assert_agreement()
        self.evacuate('host2')
        self.assert_agreement()
        self.return_host('host1')
        self.assert_kept('host2')

    def test_an_unshelving_that_does_not_spawn(self) -> None:
        self.flags(shelved_offload_time=0)
        self.do('shelve', 'SHELVED_OFFLOADED')
        with broken('spawn'):
            self.attempt('unshelve')
            self._wait_for_server_parameter(
                self.server,
                {
                    'status': 'SHELVED_OFFLOADED',
                    'OS-EXT-STS:task_state': None,
                },
            )
        self.assert_agreement()
        self.do('unshelve', 'ACTIVE', {'host': 'host2'})
        self.assert_kept('host2')

    def test_a_migration_that_cannot_leave(self) -> None:
        with broken('migrate_disk_and_power_off'):
            self.attempt('migrate')
            self._wait_for_server_parameter(
                self.server, {'OS-EXT-STS:task_state': None}
            )
        self.reset_state()
        self.assert_kept('host1')
        # Nova would apply what was claimed on the other host.
        self.do('rebuild', 'ACTIVE', {'imageRef': operations.IMAGE})
        self.assert_kept('host1')


class FailedStartTest(operations.OperationsBase):
    """What fails on the new host, where nobody waits for it any more."""

    # Nova's old host would learn of it, and save the pins that it knew.
    CAST_AS_CALL = False

    def test_a_target_that_cannot_start_it(self) -> None:
        """It stays there, in ERROR, until its operator starts it.

        With its old flavor: Nova takes that back, but not the pins, which
        do not fit if the new one has another number of vCPUs.
        """
        other = self._create_flavor(
            vcpu=4,
            memory_mb=256,
            disk=1,
            ephemeral=0,
            extra_spec={
                'hw:cpu_policy': 'dedicated',
                'hw:cpu_thread_policy': 'isolate',
                'hw:numa_nodes': '2',
                'hw:wrs:min_vcpus': '2',
            },
        )
        self.assert_fails_to_start('migrate', None, 'host1')
        self.scale_down(self.server, 1, 3)
        self.assert_kept('host2')
        resize = {'flavorRef': other}
        self.assert_fails_to_start('resize', resize, 'host2')
        self.assertEqual([1, 4, 4], self.vcpus(self.server))
        self.assert_scales(self.server, 'down', cores=2)

    def assert_fails_to_start(
        self, action: str, argument: Any, old: str
    ) -> None:
        """A server at its maximum is what is left of a resize.

        :param old: the host that it comes from.
        """
        with broken('finish_migration'):
            self.attempt(action, argument)
            self.reset_state()
        self.assertEqual('error', self.end_of_move().status)
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        # Nova keeps it with the old disks, for the operator to remove.
        connection = self.computes[old].driver._host.get_connection()
        connection.lookupByUUIDString(self.server['id']).undefine()
        self.audit()
        (new,) = self.computes.keys() - {old}
        self.assert_maximum(new)
