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
"""Acceptance cases A1, A2, A4 and A5: down to the minimum, up to the top."""

from typing import Any

import ddt

from tests.functional import base
from tests.functional import vectors

LIMITS = (400, 'When scaling, cannot scale beyond limits!')


@ddt.ddt
class ScalingTest(base.ScalingTestBase):
    """Each case of the table, with a server beside it that stays."""

    @ddt.data(*vectors.load('functional_scaling', 'scaling'))
    def test_down_to_the_minimum_and_up_again(
        self, case: dict[str, Any]
    ) -> None:
        server = self._boot(case)
        low, high = case['minimum'], case['vcpus']
        self.assertEqual([low, high, high], self.vcpus(server))

        for count in range(high - 1, low - 1, -1):
            self.assert_scales(server, 'down', case['cores'])
            self.assertEqual([low, count, high], self.vcpus(server))
        self.assertEqual(LIMITS, self.scale(server, 'down'))
        self.assertEqual([low, low, high], self.vcpus(server))

        for count in range(low + 1, high + 1):
            self.assert_scales(server, 'up', case['cores'])
            self.assertEqual([low, count, high], self.vcpus(server))
        self.assertEqual(LIMITS, self.scale(server, 'up'))
        self.assertEqual([low, high, high], self.vcpus(server))
        self.assert_agreement()

    def _boot(self, case: dict[str, Any]) -> dict[str, Any]:
        isolate = case['policy'] == 'isolate'
        self.start_hosts(
            'host1',
            cores=8,
            threads=case['threads'],
            legacy=isolate and case['threads'] > 1,
        )
        extra = {'numa_nodes': '1'}
        if case['policy']:
            extra['cpu_thread_policy'] = case['policy']
        if case['node'] == 1:
            # Nova spreads, so the next server avoids the node of this one.
            self.boot(1, name='neighbour')
        server = self.boot(
            case['vcpus'], case['minimum'], name='scaled', **extra
        )
        if case['node'] is not None:
            (cell,) = self.instance(server['id']).numa_topology.cells
            self.assertEqual(case['node'], cell.id)
        return server
