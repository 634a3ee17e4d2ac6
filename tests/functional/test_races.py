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
"""Other requests and operations while a server scales, and targets."""

import threading
from typing import Any

from nova import context as nova_context

from nova_ext.compute import endpoint
from tests.functional import base

#: Nova's own operations that a server which scales must refuse.
OPERATIONS = (
    {'pause': None},
    {'suspend': None},
    {'os-stop': None},
    {'reboot': {'type': 'SOFT'}},
    {'rebuild': {'imageRef': 'a2459075-d96c-40d5-893e-577ff92e721c'}},
    {'migrate': None},
    {'os-migrateLive': {'host': None, 'block_migration': 'auto'}},
    {'shelve': None},
    {'rescue': None},
)


class RacesTest(base.ScalingTestBase):
    """What comes while the host waits for the guest."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)
        self.server = self.boot(4, 1, name='scaled', numa_nodes='1')
        self.boot(2, 1, name='neighbour')
        self.path = '/servers/%s/action' % self.server['id']

    def during(self, work: Any, direction: str = 'down') -> list[Any]:
        """Scale, and do something meanwhile, once."""
        found: list[Any] = []

        def meanwhile() -> None:
            guest.meanwhile = None
            found.append(work())

        guest = self.guest(self.server)
        guest.meanwhile = meanwhile
        found.insert(0, self.scale(self.server, direction))
        return found

    def test_a_second_request_is_refused(self) -> None:
        first, second = self.during(lambda: self.scale(self.server, 'down'))
        self.assertEqual((202, ''), first)
        self.assertEqual(409, second[0])
        self.assertIn("Cannot 'scale' instance", second[1])
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        self.assert_agreement()

    def test_the_compute_host_refuses_it_too(self) -> None:
        def ask() -> Any:
            scaler = self.computes['host1'].driver._scaler
            return endpoint.ScalingEndpoint(scaler).scale(
                nova_context.get_admin_context(),
                instance=self.instance(self.server['id']),
                direction='down',
                target=None,
                wait=True,
            )

        first, second = self.during(ask)
        self.assertEqual((202, ''), first)
        self.assertEqual(409, second['error']['code'])
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        self.assert_agreement()

    def test_other_operations_are_refused(self) -> None:
        def ask() -> list[int]:
            api = self.admin_api
            return [
                self.ask('POST', self.path, body, api)[0]
                for body in OPERATIONS
            ]

        first, statuses = self.during(ask)
        self.assertEqual((202, ''), first)
        self.assertEqual([409] * len(OPERATIONS), statuses)
        self.assert_agreement()

    def test_an_audit_meanwhile_changes_nothing(self) -> None:
        first, _ = self.during(self._run_periodics)
        self.assertEqual((202, ''), first)
        self.settle()
        self.assert_agreement()

    def test_deletion_ends_the_request(self) -> None:
        def delete() -> threading.Thread:
            # Nova deletes once the request has let go of the server.
            thread = threading.Thread(
                target=self.api.delete_server, args=(self.server['id'],)
            )
            thread.start()
            self._wait_for_assert(
                lambda: self.assertEqual(
                    'deleting', self.instance(self.server['id']).task_state
                ),
                max_retries=100,
                sleep=0.1,
            )
            return thread

        first, thread = self.during(delete)
        thread.join(60)
        self.assertEqual(409, first[0], first)
        self.assertIn('ended by another operation', first[1])
        self._wait_until_deleted(self.server)
        self.settle()
        self.assert_agreement()
        hosts, servers, _ = self.states()
        self.assertEqual(2, len(hosts[0].tracked))
        self.assertEqual(1, len(servers))

    def test_a_reset_state_ends_the_request(self) -> None:
        body = {'os-resetState': {'state': 'active'}}
        first, (status, _) = self.during(
            lambda: self.ask('POST', self.path, body, self.admin_api)
        )
        self.assertEqual(202, status)
        self.assertEqual(409, first[0], first)
        self.assertIn('ended by another operation', first[1])
        self.audit()
        self.assert_agreement()

    def test_a_reset_state_comes_too_late(self) -> None:
        """The core is taken, and the guest does or does not take it."""
        body = {'os-resetState': {'state': 'active'}}

        def reset() -> Any:
            return self.ask('POST', self.path, body, self.admin_api)

        guest = self.guest(self.server)
        for refuses, status, state, online in (
            (True, 400, 'failed', 3),
            (False, 202, 'done', 4),
        ):
            self.scale(self.server, 'down')
            guest.refuses(*['up'] * refuses)
            first, (reset_status, _) = self.during(reset, 'up')
            self.assertEqual((202, status), (reset_status, first[0]), first)
            guest.refuses()
            self.audit()
            self.assert_agreement()
            self.assertEqual([1, online, 4], self.vcpus(self.server))
            last = self.last_request(self.server)
            self.assertEqual(
                (state, first[1]), (last['state'], last['reason'])
            )
            if online == 3:
                self.assert_scales(self.server, 'up')


class TargetTest(base.ScalingTestBase):
    """``PUT vcpu-scale``: answered when begun, and told how far it came."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)
        self.server = self.boot(4, 1, name='scaled', numa_nodes='1')

    def put(self, online: int) -> dict[str, Any]:
        """Ask for a target; return the request when it has ended."""
        path = '/servers/%s/vcpu-scale' % self.server['id']
        body = {'vcpu_scale': {'online': online}}
        self.assertEqual((202, ''), self.ask('PUT', path, body))
        self.settle()
        return self.last_request(self.server)

    def test_a_target_is_reached(self) -> None:
        for online, direction in ((1, 'down'), (3, 'up'), (2, 'down')):
            last = self.put(online)
            self.assertEqual(
                ('done', direction, online, online),
                (
                    last['state'],
                    last['direction'],
                    last['target'],
                    last['reached'],
                ),
            )
            self.assertEqual([1, online, 4], self.vcpus(self.server))
            self.assert_agreement()

    def test_it_stops_at_the_first_failure(self) -> None:
        guest = self.guest(self.server)

        def refuse_the_second() -> None:
            if len(guest.asked) == 2:
                guest.refuses('down')

        guest.meanwhile = refuse_the_second
        last = self.put(1)
        self.assertEqual(
            ('failed', 1, 3), (last['state'], last['target'], last['reached'])
        )
        self.assertIn('The guest refused', last['reason'])
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        self.assert_agreement()

    def test_the_answer_comes_before_the_end(self) -> None:
        guest = self.guest(self.server)
        proceed = threading.Event()
        self.addCleanup(proceed.set)
        guest.meanwhile = lambda: proceed.wait(30)
        path = '/servers/%s/vcpu-scale' % self.server['id']
        body = {'vcpu_scale': {'online': 3}}
        self.assertEqual((202, ''), self.ask('PUT', path, body))
        last = self.last_request(self.server)
        self.assertEqual(
            ('in progress', 3, 4),
            (last['state'], last['target'], last['reached']),
        )
        proceed.set()
        self.settle()
        self.assertEqual('done', self.last_request(self.server)['state'])
        self.assert_agreement()
