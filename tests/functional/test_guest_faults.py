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
"""Guests that do not answer, refuse, or choose wrongly."""

import re
from typing import Any

from tests.functional import base

SILENT = re.escape(
    'The guest did not answer the scale request within 10.0 s: check that '
    'guest_agent and guest_scale_agent run in the guest.'
)


class GuestFaultsTest(base.ScalingTestBase):
    """One server with room to go both ways, and one beside it."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)
        self.server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.boot(2, 1, name='neighbour')
        self.assertEqual((202, ''), self.scale(self.server, 'down'))

    def assert_fails(
        self, direction: str, pattern: str, journals: bool = False
    ) -> None:
        """The request fails with a text, and nothing has changed."""
        status, text = self.scale(self.server, direction)
        self.assertEqual(400, status)
        self.assertIsNotNone(re.fullmatch(pattern, text), text)
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        last = self.last_request(self.server)
        self.assertEqual(('failed', 3), (last['state'], last['reached']))
        self.assertEqual(text, last['reason'])
        self.assert_agreement(journals)

    def assert_recovers(self) -> None:
        """With a guest that is well again, an audit leaves nothing open."""
        self.audit()
        self.assert_agreement()
        self.assert_scales(self.server, 'up')
        self.assert_scales(self.server, 'down')

    def guest_of_server(self) -> Any:
        return self.guest(self.server)

    def test_silent_on_the_way_down(self) -> None:
        guest = self.guest_of_server()
        guest.is_silent('down', 'up')
        self.assert_fails('down', SILENT, journals=True)
        guest.is_silent()
        self.assert_recovers()

    def test_silent_on_the_way_up(self) -> None:
        guest = self.guest_of_server()
        guest.is_silent('down', 'up')
        self.assert_fails('up', SILENT, journals=True)
        guest.is_silent()
        self.assert_recovers()

    def test_dies_after_it_went_offline(self) -> None:
        """The vCPU is offline in the guest, and nobody was told which."""
        guest = self.guest_of_server()
        guest.dies_after('down')
        status, text = self.scale(self.server, 'down')
        self.assertEqual(400, status)
        self.assertIsNotNone(re.fullmatch(SILENT, text))
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        guest.dies_after()
        self.assert_recovers()
        self.assertEqual({0, 1, 2}, guest.online)

    def test_dies_after_it_came_online(self) -> None:
        guest = self.guest_of_server()
        guest.dies_after('up')
        status, text = self.scale(self.server, 'up')
        self.assertEqual(400, status)
        self.assertIsNotNone(re.fullmatch(SILENT, text))
        guest.dies_after()
        self.audit()
        self.assert_agreement()

    def test_refuses(self) -> None:
        guest = self.guest_of_server()
        for direction in ('down', 'up'):
            guest.refuses(direction)
            self.assert_fails(
                direction,
                'The guest refused the scale request: the helper failed',
            )
        guest.refuses()
        self.assert_recovers()

    def test_no_agent_listens(self) -> None:
        guest = self.guest_of_server()
        guest.listens = False
        asked = list(guest.asked)
        for direction in ('down', 'up'):
            status, text = self.scale(self.server, direction)
            self.assertEqual(400, status)
            self.assertIn('guest does not listen on its channel', text)
            last = self.last_request(self.server)
            self.assertEqual('refused', last['state'])
        self.assertEqual(asked, guest.asked)
        self.assert_agreement()

    def test_the_channel_is_away(self) -> None:
        self.world.coordinator.away = True
        for direction in ('down', 'up'):
            self.assert_fails(
                direction,
                'The guest channel daemon cannot be reached at /run/x.sock '
                r'\(connection refused\): check that nova-ext-channel runs '
                'on this host.',
                journals=True,
            )
        self.world.coordinator.away = False
        self.assert_recovers()

    def test_chooses_vcpu_0(self) -> None:
        self.guest_of_server().picks(0)
        self.assert_fails('down', 'Cpu 0 cannot go offline: .*')

    def test_chooses_one_out_of_range(self) -> None:
        for vcpu in (4, 99, -1):
            self.guest_of_server().picks(vcpu)
            self.assert_fails(
                'down', 'Cpu %d is already offline or out of range.' % vcpu
            )

    def test_chooses_one_that_is_offline(self) -> None:
        self.guest_of_server().picks(3)
        self.assert_fails('down', 'Cpu 3 is already offline or out of range.')

    def test_below_the_minimum_the_guest_is_not_asked(self) -> None:
        for _ in range(2):
            self.assert_scales(self.server, 'down')
        asked = list(self.guest_of_server().asked)
        status, _ = self.scale(self.server, 'down')
        self.assertEqual(400, status)
        self.assertEqual(asked, self.guest_of_server().asked)

    def test_chooses_the_last_of_its_numa_cell(self) -> None:
        server = self.boot(4, 1, name='cells', numa_nodes='2')
        self.guest(server).picks(3)
        self.assert_scales(server, 'down')
        self.guest(server).picks(2)
        status, text = self.scale(server, 'down')
        self.assertEqual(400, status)
        self.assertEqual(
            'Cpu 2 cannot go offline: it is the last online vCPU of its NUMA '
            'cell.',
            text,
        )
        # The guest had taken it offline, and was asked to bring it back.
        self.assertEqual(('up', 2), self.guest(server).asked[-1])
        self.assertEqual({0, 1, 2}, self.guest(server).online)
        self.assert_agreement()

    def test_chooses_wrongly_and_then_keeps_silent(self) -> None:
        server = self.boot(4, 1, name='cells', numa_nodes='2')
        guest = self.guest(server)
        guest.picks(3)
        self.assert_scales(server, 'down')
        guest.picks(2)
        guest.is_silent('up')
        status, _ = self.scale(server, 'down')
        self.assertEqual(400, status)
        guest.is_silent()
        self.audit()
        self.assert_agreement()
        self.assertEqual({0, 1, 2}, guest.online)


class HostPicksTest(base.ScalingTestBase):
    """``on_silent_guest = host_picks``: the earlier system's behaviour."""

    def test_the_highest_vcpu_is_parked(self) -> None:
        self.flags(on_silent_guest='host_picks', group='nova_ext_scaling')
        self.start_hosts('host1')
        server = self.boot(3, 1)
        guest = self.guest(server)
        guest.is_silent('down')
        self.assertEqual((202, ''), self.scale(server, 'down'))
        self.assertEqual([1, 2, 3], self.vcpus(server))
        self.assertEqual({0, 1, 2}, guest.online)
        # Only the guest's own view differs, as the option says.
        guest.online = {0, 1}
        self.assert_agreement()
