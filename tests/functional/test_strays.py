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
"""Guests that use parked vCPUs: after a boot, and by themselves."""

from typing import Any

import fixtures

from tests.functional import base


class StraysTestBase(base.ScalingTestBase):
    """A server whose vCPUs 1 and 3 of four are parked, and one beside it."""

    extra: dict[str, str] = {}

    def setUp(self) -> None:
        super().setUp()
        # Audits follow each other at once here.
        self.useFixture(
            fixtures.MonkeyPatch('nova_ext.scaling.strays.INTERVAL', 0)
        )
        self.start_hosts('host1', cores=8)
        self.server = self.boot(
            4, 1, name='scaled', numa_nodes='1', **self.extra
        )
        self.other = self.boot(2, 1, name='neighbour')
        self.its_guest.picks(1)
        self.assert_scales(self.server, 'down')
        self.its_guest.picks(None)
        self.assert_scales(self.server, 'down')
        self.world.boot_scripts = False
        self.before = self.states()

    @property
    def its_guest(self) -> Any:
        return self.guest(self.server)

    def audits(self, times: int = 3) -> None:
        for _ in range(times):
            self.audit()

    def announce(self) -> None:
        """The guest's scale agent announces itself."""
        self.world.announce(self.instance(self.server['id']).name)
        self.settle()

    def reboot(self) -> None:
        action = {'reboot': {'type': 'HARD'}}
        self.api.post_server_action(self.server['id'], action)
        self._wait_for_server_parameter(
            self.server, {'status': 'ACTIVE', 'OS-EXT-STS:task_state': None}
        )

    def stray(self) -> Any:
        """Return what users see of it."""
        shown = self.api.api_get('/servers/%s/vcpu-scale' % self.server['id'])
        return shown.body['vcpu_scale']['stray']

    def assert_as_before(self) -> None:
        self.assertEqual({0, 2}, self.its_guest.online)
        self.assert_agreement()
        self.assertEqual(self.before, self.states())

    def vcpus_now(self) -> list[int]:
        found: list[int] = self.stray()['vcpus']
        return found


class StraysTest(StraysTestBase):
    """A server without real-time vCPUs."""

    # -- a guest that boots ------------------------------------------------

    def test_a_guest_that_boots_is_told_when_it_announces_itself(self) -> None:
        self.reboot()
        self.assertEqual({0, 1, 2, 3}, self.its_guest.online)
        del self.its_guest.asked[:]
        self.announce()
        self.assertEqual([('down', 1), ('down', 3)], self.its_guest.asked)
        self.assertIsNone(self.stray())
        self.assert_as_before()

    def test_a_guest_that_took_them_offline_by_itself_is_not_asked(
        self,
    ) -> None:
        self.world.boot_scripts = True
        self.reboot()
        del self.its_guest.asked[:]
        self.announce()
        self.audits()
        self.assertEqual([], self.its_guest.asked)
        self.assert_as_before()

    def test_a_boot_without_announcement_is_found_out(self) -> None:
        self.reboot()
        self.audits()
        self.assertEqual((1, []), (self.stray()['count'], self.vcpus_now()))
        self.assert_as_before()

    def test_a_scale_request_does_not_wait_for_that(self) -> None:
        """The parked vCPUs share a core, so nothing is at stake."""
        self.reboot()
        self.assertEqual((202, ''), self.scale(self.server, 'up'))
        self.announce()
        self.assertEqual({0, 1, 2}, self.its_guest.online)
        self.assert_agreement()

    # -- a guest that brings one online ------------------------------------

    def test_it_is_told_once_a_boot_or_request(self) -> None:
        self.its_guest.online.add(1)
        self.audits()
        self.assertEqual({0, 2}, self.its_guest.online)
        self.assert_as_before()
        asked = len(self.its_guest.asked)
        self.its_guest.online.add(1)
        self.audits(6)
        self.assertEqual({0, 1, 2}, self.its_guest.online)
        self.assertEqual((2, [1]), (self.stray()['count'], self.vcpus_now()))
        self.assertEqual(asked, len(self.its_guest.asked))
        self.assertEqual(
            1, self.stdlog.logger.output.count('its guest runs by itself')
        )
        # The guest resets itself, and runs all.
        self.domain(self.server).reset(0)
        self.audits()
        self.assertEqual((3, []), (self.stray()['count'], self.vcpus_now()))
        self.assert_as_before()
        # It is scaled up and down again.
        self.assert_scales(self.server, 'up')
        self.assert_scales(self.server, 'down')
        online = set(self.its_guest.online)
        self.its_guest.online = {0, 1, 2, 3}
        self.audits()
        self.assertEqual(online, self.its_guest.online)
        self.assertEqual(4, self.stray()['count'])

    def test_what_scales_up_is_no_stray_any_more(self) -> None:
        self.its_guest.online.add(1)
        self.audits()
        self.its_guest.online.add(1)
        self.audits()
        self.assertEqual([1], self.vcpus_now())
        self.assert_scales(self.server, 'up')
        self.assertEqual([], self.vcpus_now())

    def test_an_old_agent_that_chooses_another_one(self) -> None:
        self.its_guest.knows_hints = False
        self.its_guest.online.add(1)
        self.audits()
        self.assertEqual([1], self.vcpus_now())
        # It took vCPU 2 and was asked to bring it back.
        self.assertEqual([('down', 1), ('up', 2)], self.its_guest.asked[-2:])
        self.assertEqual({0, 1, 2}, self.its_guest.online)
        self.its_guest.online = {0, 2}
        self.audit()
        self.assert_as_before()

    def test_a_guest_that_floods_and_lies(self) -> None:
        guest = self.its_guest
        del guest.asked[:]
        guest.picks(1)
        guest.meanwhile = lambda: guest.online.update({1, 3})
        guest.online.update({1, 3})
        for _ in range(100):
            self.announce()
        self.audits(10)
        # Two vCPUs in each of five answers, and once for the boot.
        self.assertLess(len(guest.asked), 13)
        output = self.stdlog.logger.output
        self.assertEqual(1, output.count('its guest runs by itself'))
        self.assertLess(output.count('these are online still'), 6)
        guest.meanwhile = None
        guest.picks(None)
        guest.online = {0, 2}
        self.audits()
        self.assert_as_before()

    def test_no_operation_waits_while_a_guest_is_told(self) -> None:
        """The guest answers only once the server has been stopped."""
        guest = self.its_guest

        def stop() -> None:
            guest.meanwhile = None
            self.api.post_server_action(self.server['id'], {'os-stop': None})
            self._wait_for_server_parameter(self.server, {'status': 'SHUTOFF'})

        self.reboot()
        guest.meanwhile = stop
        self.announce()
        self.assertIsNone(guest.meanwhile)
        self.world.boot_scripts = True
        self.api.post_server_action(self.server['id'], {'os-start': None})
        self._wait_for_server_parameter(self.server, {'status': 'ACTIVE'})
        self.assert_as_before()

    def test_a_scale_request_meets_a_guest_that_is_told(self) -> None:
        guest, answers = self.its_guest, []

        def scale() -> None:
            guest.meanwhile = None
            answers.append(self.scale(self.server, 'up'))

        self.reboot()
        guest.meanwhile = scale
        self.announce()
        self.assertEqual([409], [status for status, _ in answers])
        self.assert_as_before()


class RealtimeStraysTest(StraysTestBase):
    """The parked vCPUs are real-time ones."""

    extra = {'cpu_realtime': 'yes', 'cpu_realtime_mask': '^0'}

    def test_they_stay_ordinary_while_they_run(self) -> None:
        self.reboot()
        domain = self.domain(self.server)
        threads = [self.world.kernel.threads[one] for one in domain.threads]
        self.assertEqual(threads[0].affinity, threads[1].affinity)
        self.assertEqual([0, 0, 1, 0], [one.policy for one in threads])
        self.announce()
        self.assert_as_before()
