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
"""Emulator policies and real-time masks, while servers scale."""

from typing import Any

import ddt

from tests.functional import base
from tests.functional import vectors


@ddt.ddt
class ThreadsTest(base.ScalingTestBase):
    """Who runs where, and under which policy."""

    @ddt.data(*vectors.load('functional_scaling', 'threads'))
    def test_down_and_up(self, case: dict[str, Any]) -> None:
        self.flags(cpu_shared_set='15', group='compute')
        self.start_hosts('host1', cores=8, dedicated='0-14')
        self.boot(2, 1, name='neighbour')
        server = self.boot(4, 1, name='scaled', **case['extra'])
        for vcpu, realtime in case['down']:
            self.guest(server).picks(vcpu)
            self.assert_scales(server, 'down')
            self.assertEqual(set(realtime), self._realtime(server))
        for realtime in case['up']:
            self.assert_scales(server, 'up')
            self.assertEqual(set(realtime), self._realtime(server))

    def _realtime(self, server: dict[str, Any]) -> frozenset[int]:
        _, servers, _ = self.states()
        (process,) = (
            one.process for one in servers if one.name == server['name']
        )
        return frozenset(process.realtime)
