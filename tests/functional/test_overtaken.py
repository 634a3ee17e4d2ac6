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
"""Scale requests that something overtakes: an older copy, a host's death."""

from nova import context as nova_context

from nova_ext.compute import endpoint
from tests.functional import operations
from tests.functional.fakes.effects import Killed


class OlderCopyTest(operations.OperationsBase):
    """nova-api reads a server, a request changes it, and nova-api saves it.

    Every save writes the NUMA topology that the copy was loaded with.
    """

    def setUp(self) -> None:
        super().setUp()
        # The only one that is neither vCPU 0 nor the last of its cell, once
        # there is one more.
        self.guest(self.server).picks(1)

    def overwrite(self, direction: str) -> None:
        """Save a copy that was read before a scale request."""
        copy = self.instance(self.server['id'])
        self.assert_scales(self.server, direction, cores=2)
        now = self.pins()
        copy.display_name = copy.display_name + '.'
        copy.save()
        self.assertNotEqual(now, self.pins())

    def pins(self) -> list[dict[int, int]]:
        topology = self.instance(self.server['id']).numa_topology
        return [dict(cell.cpu_pinning) for cell in topology.cells]

    def test_an_audit_puts_the_pins_back(self) -> None:
        for direction in ('up', 'down'):
            self.overwrite(direction)
            self.audit()
            self.assert_agreement()
            self.assert_bystanders()

    def test_no_domain_is_made_of_the_older_pins(self) -> None:
        """They may be another server's by now."""
        self.scale(self.server, 'up')
        self.overwrite('down')
        self.boot(2, name='next', cpu_thread_policy='isolate')
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        self.audit()
        self.assert_kept()

    def test_it_stays_scaled_down_where_it_goes(self) -> None:
        self.scale(self.server, 'up')
        self.overwrite('down')
        self.live_migrate()
        self.assert_kept('host2')

    def test_the_next_request_starts_from_the_right_pins(self) -> None:
        self.overwrite('up')
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.assert_agreement()


class DeadHostTest(operations.OperationsBase):
    """The host dies in the middle of a request; the server is evacuated."""

    def number_of(self, direction: str, effect: str) -> int:
        """Return the number of an effect in a step, which is then undone."""
        self.world.effects.record()
        self.assertEqual((202, ''), self.scale(self.server, direction))
        number = self.world.effects.stop().index(effect) + 1
        back = 'up' if direction == 'down' else 'down'
        self.assertEqual((202, ''), self.scale(self.server, back))
        return number

    def scale_and_die(self, direction: str, number: int) -> None:
        host = self.instance(self.server['id']).host
        served = endpoint.ScalingEndpoint(self.computes[host].driver._scaler)
        self.world.effects.kill_before(number)
        with self.assertRaises(Killed):
            served.scale(
                nova_context.get_admin_context(),
                instance=self.instance(self.server['id']),
                direction=direction,
                target=None,
                wait=True,
            )
        self.assertTrue(self.world.effects.revive())

    def test_between_two_steps(self) -> None:
        hosts = ['host1', 'host2']
        self.guest(self.server).picks(1)
        for direction, effect, online in (
            ('up', 'pin', 3),
            ('down', 'pin', 3),
            ('down', 'placement', 2),
        ):
            number = self.number_of(direction, effect)
            self.scale_and_die(direction, number)
            self.fail_host(hosts[0])
            self.evacuate_unfinished(hosts[1])
            self.return_host(hosts[0])
            self.audit()
            self.assert_agreement()
            self.assert_bystanders()
            self.assertEqual([1, online, 4], self.vcpus(self.server))
            self.assert_last_request_is_true(self.server)
            hosts.reverse()

    def evacuate_unfinished(self, host: str) -> None:
        self.attempt('evacuate', {})
        self.assertEqual('done', self.end_of_move().status)
        self.assertEqual(host, self.instance(self.server['id']).host)
        self.do('os-start', 'ACTIVE')
