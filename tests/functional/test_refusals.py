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
"""Requests that are refused: each with its reason, and nothing changes."""

from typing import Any

import ddt
from nova import context as nova_context
from nova import objects
from nova.tests.functional.api import client

from nova_ext.compute import endpoint
from tests.functional import base
from tests.functional import vectors

LIMITS = (400, 'When scaling, cannot scale beyond limits!')
UNKNOWN = 'c1a5e0f3-0a5e-4c1b-9d55-1a7e5ab1e0b5'


@ddt.ddt
class RefusalsTest(base.ScalingTestBase):
    """One server at three of two to four vCPUs."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1')
        self.server = self.boot(4, 2, name='scaled', numa_nodes='1')
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.asked = list(self.guest(self.server).asked)

    def assert_nothing_changed(self) -> None:
        self.assertEqual(self.asked, self.guest(self.server).asked)
        self.assertEqual([2, 3, 4], self.vcpus(self.server))
        self.assert_agreement()

    def test_malformed_bodies(self) -> None:
        for case in vectors.load('functional_refusals', 'bodies'):
            path = '/servers/%s/%s' % (self.server['id'], case['path'])
            method = 'POST' if case['path'] == 'action' else 'PUT'
            status, text = self.ask(method, path, case['body'])
            self.assertEqual(400, status, case)
            self.assertIn(case['says'], text)
        self.assert_nothing_changed()

    @ddt.data(*vectors.load('functional_refusals', 'targets'))
    def test_targets(self, case: dict[str, Any]) -> None:
        path = '/servers/%s/vcpu-scale' % self.server['id']
        body = {'vcpu_scale': {'online': case['online']}}
        status, text = self.ask('PUT', path, body)
        self.assertEqual(case['status'], status)
        self.assertEqual(case['says'], text)
        self.assert_nothing_changed()

    def test_limits_are_recorded(self) -> None:
        self.assert_scales(self.server, 'down')
        self.assertEqual(LIMITS, self.scale(self.server, 'down'))
        last = self.last_request(self.server)
        self.assertEqual(
            ('refused', 'down', 1, 2, LIMITS[1]),
            tuple(
                last[key]
                for key in (
                    'state',
                    'direction',
                    'target',
                    'reached',
                    'reason',
                )
            ),
        )

    def test_not_scalable(self) -> None:
        other = self.boot(2, name='fixed')
        for direction in ('up', 'down'):
            self.assertEqual(LIMITS, self.scale(other, direction))
        self.assert_nothing_changed()

    def test_not_active(self) -> None:
        for action, status, state in (
            ('pause', 'PAUSED', 'paused'),
            ('unpause', 'ACTIVE', None),
            ('os-stop', 'SHUTOFF', 'stopped'),
            ('os-start', 'ACTIVE', None),
            ('suspend', 'SUSPENDED', 'suspended'),
        ):
            self.api.post_server_action(self.server['id'], {action: None})
            self._wait_for_server_parameter(
                self.server,
                {'status': status, 'OS-EXT-STS:task_state': None},
            )
            if state is None:
                continue
            self.assertEqual(
                (
                    409,
                    "Cannot 'scale' instance %s while it is in vm_state %s"
                    % (self.server['id'], state),
                ),
                self.scale(self.server, 'down'),
            )

    def test_busy(self) -> None:
        instance = self.instance(self.server['id'])
        instance.task_state = 'rebooting'
        instance.save()
        self.assertEqual(
            (
                409,
                "Cannot 'scale' instance %s while it is in task_state "
                'rebooting' % self.server['id'],
            ),
            self.scale(self.server, 'down'),
        )
        instance.task_state = None
        instance.save()
        self.assert_nothing_changed()

    def test_locked(self) -> None:
        self.api.post_server_action(self.server['id'], {'lock': None})
        self.assertEqual(
            (409, 'Instance %s is locked' % self.server['id']),
            self.scale(self.server, 'down'),
        )
        self.assert_nothing_changed()
        # As with every action of Nova, a lock does not bind administrators.
        self.assertEqual(
            (202, ''), self.scale(self.server, 'down', self.admin_api)
        )

    def test_the_compute_host_checks_the_lock_too(self) -> None:
        self.api.post_server_action(self.server['id'], {'lock': None})
        instance = self.instance(self.server['id'])
        caller = nova_context.RequestContext('fake', instance.project_id)
        objects.InstanceAction.action_start(caller, instance.uuid, 'scale')
        scaler = self.computes['host1'].driver._scaler
        answer = endpoint.ScalingEndpoint(scaler).scale(
            caller,
            instance=instance,
            direction='down',
            target=None,
            wait=True,
        )
        self.assertEqual(
            {
                'code': 409,
                'message': 'Instance %s is locked' % self.server['id'],
            },
            answer['error'],
        )
        self.assert_nothing_changed()

    def test_unknown_server(self) -> None:
        self.assertEqual(
            (404, 'Instance %s could not be found.' % UNKNOWN),
            self.scale({'id': UNKNOWN}, 'down'),
        )
        self.assert_nothing_changed()

    def test_of_another_project(self) -> None:
        stranger = client.TestOpenStackClient(
            'stranger',
            self.api_fixture.base_url,
            project_id='0123456789abcdef0123456789abcdef',
            roles=['reader', 'member'],
        )
        stranger.microversion = self.microversion
        self.assertEqual(
            (404, 'Instance %s could not be found.' % self.server['id']),
            self.scale(self.server, 'down', stranger),
        )
        path = '/servers/%s/vcpu-scale' % self.server['id']
        self.assertEqual(404, stranger.api_request(path).status_code)
        self.assert_nothing_changed()

    def test_a_reader_may_neither_scale_nor_look(self) -> None:
        reader = self.api_fixture.reader_api
        reader.microversion = self.microversion
        status, text = self.scale(self.server, 'down', reader)
        self.assertEqual(403, status)
        self.assertIn("Policy doesn't allow", text)
        path = '/servers/%s/vcpu-scale' % self.server['id']
        self.assertEqual(403, reader.api_request(path).status_code)
        self.assert_nothing_changed()
