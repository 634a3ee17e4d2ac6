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
"""What placement is told: the online count, or the flavor's number."""

from typing import Any

from nova.cmd import manage

from tests.functional import base


class FullAccountingTest(base.ScalingTestBase):
    """The host's tracker follows the online count all the same."""

    def test_placement_is_not_touched(self) -> None:
        self.flags(accounting='full', group='nova_ext_scaling')
        self.start_hosts('host1')
        server = self.boot(4, 1, numa_nodes='1')
        self.world.effects.record()
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'up')
        self.assertNotIn('placement', self.world.effects.stop())

    def test_an_audit_follows_a_change_of_the_option(self) -> None:
        self.start_hosts('host1')
        server = self.boot(4, 1, numa_nodes='1')
        self.assert_scales(server, 'down')
        for accounting in ('full', 'current'):
            self.flags(accounting=accounting, group='nova_ext_scaling')
            self.audit()
            self.assert_agreement()
        self.flags(accounting='full', group='nova_ext_scaling')
        # Others have the cores already: it stays as it is, and scales.
        for vcpus in (3, 1):
            self.boot(vcpus, name='other', numa_nodes='1')
        self.boot(1, name='last')
        self.audit()
        _, servers, _ = self.states()
        self.assertIn(3, [one.allocated for one in servers])

    def test_a_freed_core_is_not_offered_by_the_scheduler(self) -> None:
        self.flags(accounting='full', group='nova_ext_scaling')
        self.start_hosts('host1')
        server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.boot(4, name='filler', numa_nodes='1')
        self.assert_scales(server, 'down')
        refused = self.boot(1, name='refused', host=None, state='ERROR')
        self.assertIn('No valid host', refused['fault']['message'])
        self._delete_server(refused)
        self.assert_scales(server, 'up')


class CurrentAccountingTest(base.ScalingTestBase):
    """Placement follows the record, whoever has written to it."""

    def test_an_audit_corrects_what_an_operator_has_healed(self) -> None:
        """``nova-manage placement heal_allocations`` knows flavors only."""
        self.start_hosts('host1')
        server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.boot(2, 1, name='beside', numa_nodes='1')
        self.assert_scales(server, 'down')
        self.assert_scales(server, 'down')
        manage.PlacementCommands().heal_allocations(
            instance_uuid=server['id'], force=True
        )
        _, servers, _ = self.states()
        self.assertEqual([4], self._allocated(servers))
        self.audit()
        _, servers, _ = self.states()
        self.assertEqual([2], self._allocated(servers))
        self.assert_agreement()
        self.assert_scales(server, 'up')

    def _allocated(self, servers: list[Any]) -> list[int]:
        return [one.allocated for one in servers if one.name == 'scaled']
