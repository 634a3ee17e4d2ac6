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
"""``accounting = full``: placement keeps the flavor's number."""

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
