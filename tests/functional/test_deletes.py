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
"""A deleted server leaves nothing: record, tracker, placement, domain."""

from unittest import mock

from nova import context as nova_context

from tests.functional import operations
from tests.functional import waits


class DeletesTest(operations.OperationsBase):
    """Scaled down when it goes, in each way that it can."""

    def setUp(self) -> None:
        super().setUp()
        self.cores = self._cores()

    def _cores(self) -> dict[str, int]:
        return {host.name: len(host.tracked) for host in self.states()[0]}

    def assert_gone(self) -> None:
        """Only what the servers beside have is left."""
        waits.until(self._is_gone, 'the server to be gone')
        # Nova's audit, which must see it first, frees what has just come.
        self.audit()
        self.assert_agreement()
        self.assert_bystanders()
        self.assertEqual({'host1': 2, 'host2': 2}, self._cores())
        uuid = self.server['id']
        left = self.placement.get('/allocations/%s' % uuid).body
        self.assertEqual({}, left['allocations'])
        for compute in self.computes.values():
            self.assertNotIn(uuid, compute.manager.rt._counted)
            self.assertNotIn(uuid, compute.manager.rt._switched)

    def _is_gone(self) -> bool:
        here = {one.uuid for one in self._instances()}
        return (
            self.server['id'] not in here
            and not self.placement.get(
                '/allocations/%s' % self.server['id']
            ).body['allocations']
        )

    def test_delete(self) -> None:
        self.assertEqual({'host1': 6, 'host2': 2}, self.cores)
        self.api.delete_server(self.server['id'])
        self.assert_gone()

    def test_force_delete_of_one_that_is_being_moved(self) -> None:
        self.do('migrate', 'VERIFY_RESIZE')
        self.admin_api.post_server_action(
            self.server['id'], {'forceDelete': None}
        )
        self.assert_gone()

    def test_delete_of_one_that_is_shelved(self) -> None:
        self.flags(shelved_offload_time=0)
        self.do('shelve', 'SHELVED_OFFLOADED')
        self.api.delete_server(self.server['id'])
        self.assert_gone()

    def test_force_delete_of_one_that_runs(self) -> None:
        self.admin_api.post_server_action(
            self.server['id'], {'forceDelete': None}
        )
        self.assert_gone()

    def test_soft_delete_restore_and_reclaim(self) -> None:
        """Until it is reclaimed it keeps its state, and its cores."""
        self.flags(reclaim_instance_interval=3600)
        gone = {'status': 'SOFT_DELETED', 'OS-EXT-STS:task_state': None}
        self.api.delete_server(self.server['id'])
        self._wait_for_server_parameter(self.server, gone)
        self.assert_agreement()
        self.assert_bystanders()
        self.do('restore', 'ACTIVE')
        self.assert_kept()
        self.api.delete_server(self.server['id'])
        self._wait_for_server_parameter(self.server, gone)
        manager = self.computes['host1'].manager
        context = nova_context.get_admin_context()
        manager._reclaim_queued_deletes(context)
        self.assert_agreement()
        with mock.patch.object(
            manager, '_deleted_old_enough', return_value=True
        ):
            manager._reclaim_queued_deletes(context)
        self.assert_gone()

    def test_local_delete_while_the_host_is_down(self) -> None:
        self._delete_while_host1_is_away(power=False)

    def test_local_delete_after_the_host_lost_its_power(self) -> None:
        self._delete_while_host1_is_away(power=True)

    def _delete_while_host1_is_away(self, power: bool) -> None:
        self.flags(running_deleted_instance_timeout=0)
        self.fail_host('host1', power=power)
        self.api.delete_server(self.server['id'])
        waits.until(self._is_gone, 'the local delete')
        self.return_host('host1')
        self.computes['host1'].manager._cleanup_running_deleted_instances(
            nova_context.get_admin_context()
        )
        self.assert_gone()
