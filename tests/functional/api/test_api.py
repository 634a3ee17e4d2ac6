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
"""The API as a user of Nova meets it: real policies, cells and records."""

import hashlib
import hmac
import json
from typing import Any
from unittest import mock

import webob

from nova_ext.api import metadata
from nova_ext.conf import CONF
from tests.functional import base

SECRET = 'secret'
VERSIONS = ('2.1', '2.90', 'latest')


class ApiTestBase(base.ScalingTestBase):
    """One server at three of two to four vCPUs."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1')
        self.server = self.boot(4, 2, name='scaled', numa_nodes='1')
        self.url = '/servers/%s' % self.server['id']
        self.assertEqual((202, ''), self.scale(self.server, 'down'))

    def get(self, path: str, api: Any = None, **headers: str) -> Any:
        """Return the whole answer to a GET."""
        names = {key.replace('_', '-'): text for key, text in headers.items()}
        return (api or self.api).api_request(path, headers=names)

    def put(self, online: int, query: str = '') -> Any:
        """Return the whole answer to a PUT of the target."""
        return self.api.api_request(
            self.url + '/vcpu-scale' + query,
            method='PUT',
            body=json.dumps({'vcpu_scale': {'online': online}}),
        )


class MicroversionsTest(ApiTestBase):
    """Every microversion has the same scaling API."""

    def test_show(self) -> None:
        for self.api.microversion in VERSIONS:
            answer = self.get(self.url + '/vcpu-scale')
            self.assertEqual(200, answer.status_code)
            self.assertIn('OpenStack-API-Version', answer.headers)
            shown = answer.json()['vcpu_scale']
            last = shown.pop('last_request')
            self.assertEqual(
                {
                    'min': 2,
                    'max': 4,
                    'current': 3,
                    'online': [0, 1, 2],
                    'offline': [3],
                    'accounting': 'current',
                    'remarks': [],
                    'stray': None,
                },
                shown,
            )
            self.assertEqual(
                ('done', 'down'), (last['state'], last['direction'])
            )

    def test_scale(self) -> None:
        for self.api.microversion in VERSIONS:
            self.assertEqual(202, self.put(4).status_code)
            self.settle()
            self.assertEqual([2, 4, 4], self.vcpus(self.server))
            self.assert_scales(self.server, 'down')

    def test_without_the_header_novas_answer_is_untouched(self) -> None:
        for self.api.microversion in VERSIONS:
            for path in (self.url, '/servers/detail'):
                through = self.get(path)
                with mock.patch(
                    'nova_ext.api.routing.match', return_value=None
                ) as matched:
                    novas = self.get(path)
                matched.assert_called()
                self.assertEqual(novas.content, through.content)
                self.assertEqual(_stable(novas), _stable(through))

    def test_with_the_header_only_the_key_is_added(self) -> None:
        paths = ((self.url, 'server'), ('/servers/detail', 'servers'))
        for self.api.microversion in VERSIONS:
            for path, key in paths:
                novas = self.get(path).json()
                answer = self.get(path, wrs_header='wrs_res')
                self.assertEqual(
                    str(len(answer.content)), answer.headers['Content-Length']
                )
                ours = answer.json()
                servers = ours[key] if key == 'servers' else [ours[key]]
                self.assertEqual(
                    [[2, 3, 4]], [one.pop('wrs-res:vcpus') for one in servers]
                )
                self.assertEqual(novas, ours)


def _stable(answer: Any) -> dict[str, str]:
    """Return the headers that are the same for the same question."""
    changing = ('x-compute-request-id', 'x-openstack-request-id', 'date')
    return {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower() not in changing
    }


class ViewTest(ApiTestBase):
    """``wrs-res:vcpus`` of servers that are not plain."""

    def test_deleted_servers(self) -> None:
        self._delete_server(self.server)
        answer = self.get(
            '/servers/detail?deleted=True&all_tenants=1',
            self.admin_api,
            wrs_header='',
        )
        (server,) = answer.json()['servers']
        self.assertEqual([2, 3, 4], server['wrs-res:vcpus'])

    def test_unknown_server(self) -> None:
        path = '/servers/c1a5e0f3-0a5e-4c1b-9d55-1a7e5ab1e0b5'
        self.assertEqual(404, self.get(path, wrs_header='').status_code)

    def test_a_server_without_a_host(self) -> None:
        lost = self.boot(16, 2, name='lost', host=None, state='ERROR')
        self.assertEqual([2, 16, 16], self.vcpus(lost))


class DryRunTest(ApiTestBase):
    """A dry run changes nothing and tells everything."""

    def plan(self, online: int) -> Any:
        answer = self.put(online, '?dry_run=true')
        self.assertEqual(200, answer.status_code)
        return answer.json()['vcpu_scale']['dry_run']

    def test_up(self) -> None:
        before = self.last_request(self.server)
        plan = self.plan(4)
        self.assertEqual((3, 4, []), self._parts(plan))
        (step,) = plan['steps']
        self.assertEqual(('up', 3), (step['direction'], step['vcpu']))
        self.assertIsNotNone(step['pcpu'])
        self.assertEqual(before, self.last_request(self.server))
        self.assertEqual([2, 3, 4], self.vcpus(self.server))
        self.assertEqual(1, len(self._actions()))
        self.assert_agreement()

    def test_every_blocker(self) -> None:
        self.api.post_server_action(self.server['id'], {'pause': None})
        self._wait_for_state_change(self.server, 'PAUSED')
        self.api.post_server_action(self.server['id'], {'lock': None})
        current, target, blockers = self._parts(self.plan(1))
        self.assertEqual((3, 1), (current, target))
        self.assertEqual(3, len(blockers))
        for word, blocker in zip(
            ('locked', 'paused', 'limits'), blockers, strict=True
        ):
            self.assertIn(word, blocker['reason'])
            self.assertTrue(blocker['remedy'])
        self.assertIn('openstack server unpause', blockers[1]['remedy'])

    def test_with_the_host_down(self) -> None:
        self.computes['host1'].stop()
        service = self.admin_api.get_services(
            binary='nova-compute', host='host1'
        )[0]
        self.admin_api.put_service_force_down(service['id'], True)
        _, _, blockers = self._parts(self.plan(5))
        reasons = [blocker['reason'] for blocker in blockers]
        self.assertIn('is down or cut off', reasons[0])
        self.assertIn('limits', reasons[1])
        status, text = self.scale(self.server, 'up')
        self.assertEqual(503, status)
        self.assertIn('is down or cut off; nothing was changed', text)

    def _parts(self, plan: dict[str, Any]) -> tuple[int, int, Any]:
        return plan['current'], plan['target'], plan['blockers']

    def _actions(self) -> list[Any]:
        actions = self.api.get_instance_actions(self.server['id'])
        return [one for one in actions if one['action'] == 'scale']


class EventsTest(ApiTestBase):
    """Scaling is among the server's events, with its result."""

    def events(self) -> list[tuple[str, str, str]]:
        actions = self.api.get_instance_actions(self.server['id'])
        found = []
        for action in actions:
            if action['action'] != 'scale':
                continue
            details = self.admin_api.api_get(
                '%s/os-instance-actions/%s' % (self.url, action['request_id'])
            ).body['instanceAction']
            for event in details['events']:
                found.append(
                    (details['user_id'], event['event'], event['result'])
                )
        return found

    def test_success_and_refusal(self) -> None:
        user = self.api.auth_user
        self.assertEqual(
            [(user, 'compute_scale_instance', 'Success')], self.events()
        )
        self.assertEqual(400, self.put(9).status_code)
        self.assertEqual(
            [
                (user, 'compute_scale_instance', 'Error'),
                (user, 'compute_scale_instance', 'Success'),
            ],
            self.events(),
        )

    def test_a_host_that_does_not_answer(self) -> None:
        self.flags(request_timeout=1, group='nova_ext')
        self.computes['host1'].driver._scaling_server.stop()
        self.assertEqual(503, self.put(3).status_code)
        self.assertIn(
            (self.api.auth_user, 'api_scale_instance', 'Error'), self.events()
        )

    def test_one_request_has_one_id(self) -> None:
        answer = self.put(4)
        self.settle()
        last = self.last_request(self.server)
        self.assertEqual(
            answer.json()['vcpu_scale']['last_request']['request_id'],
            last['request_id'],
        )
        actions = self.api.get_instance_actions(self.server['id'])
        self.assertIn(
            last['request_id'], [action['request_id'] for action in actions]
        )


class FlavorTest(base.ScalingTestBase):
    """A flavor that cannot work is refused at each microversion."""

    def setUp(self) -> None:
        super().setUp()
        self.flavor = self._create_flavor(
            vcpu=2, extra_spec={'hw:cpu_policy': 'dedicated'}
        )
        self.url = '/flavors/%s/os-extra_specs' % self.flavor

    def test_edit(self) -> None:
        for self.admin_api.microversion in VERSIONS:
            self._edit()

    def _edit(self) -> None:
        for value, status, says in (
            ('3', 409, 'must be less than or equal to the flavor vcpus value'),
            ('0', 400, 'must be greater than or equal to 1'),
            ('x', 400, 'must be an integer'),
            ('1', 200, ''),
        ):
            for key in ('wrs:min_vcpus', 'hw:wrs:min_vcpus'):
                answered, text = self.ask(
                    'PUT',
                    '%s/%s' % (self.url, key),
                    {key: value},
                    self.admin_api,
                )
                self.assertEqual(status, answered, text)
                self.assertIn(says, text)
        answered, text = self.ask(
            'DELETE', self.url + '/hw:cpu_policy', '', self.admin_api
        )
        self.assertEqual(409, answered)
        self.assertIn('is only valid when hw:cpu_policy is dedicated.', text)
        for key in ('wrs:min_vcpus', 'hw:wrs:min_vcpus'):
            answered, text = self.ask(
                'DELETE', '%s/%s' % (self.url, key), '', self.admin_api
            )
            self.assertEqual(200, answered, text)

    def test_a_misspelt_key_is_refused_by_nova(self) -> None:
        self.admin_api.microversion = '2.90'
        answered, text = self.ask(
            'POST',
            self.url,
            {'extra_specs': {'wrs:min_vcpu': '1'}},
            self.admin_api,
        )
        self.assertEqual(400, answered)
        self.assertIn('does not appear to be a valid extra spec', text)

    def test_create_with_an_image_that_contradicts(self) -> None:
        flavor = self._create_flavor(
            vcpu=2,
            extra_spec={
                'hw:cpu_policy': 'dedicated',
                'hw:wrs:min_vcpus': '1',
            },
        )
        image = self.glance.create(
            None,
            {
                **self.glance.auto_disk_config_enabled_image,
                'id': 'b0f4f3a1-9f6c-4d4b-8c58-9a4c46f6a0c1',
                'properties': {'hw_cpu_thread_policy': 'require'},
            },
        )
        body = {
            'server': {
                'name': 's',
                'flavorRef': flavor,
                'imageRef': image['id'],
                'networks': 'none',
            }
        }
        answered, text = self.ask('POST', '/servers', body)
        self.assertEqual(409, answered)
        self.assertIn('Cannot set hw_cpu_thread_policy to require', text)


class MetadataTest(ApiTestBase):
    """``offline_cpuset``, for the boot script in the guest."""

    def setUp(self) -> None:
        super().setUp()
        self.flags(
            service_metadata_proxy=True,
            metadata_proxy_shared_secret=SECRET,
            group='neutron',
        )
        self.application = metadata.app_factory({})

    def ask_metadata(self, path: str) -> Any:
        uuid = self.server['id']
        sign = hmac.new(SECRET.encode(), uuid.encode(), hashlib.sha256)
        request = webob.Request.blank(
            path,
            headers={
                'X-Instance-ID': uuid,
                'X-Tenant-ID': self.api.project_id,
                'X-Instance-ID-Signature': sign.hexdigest(),
                'X-Forwarded-For': '10.0.0.7',
            },
        )
        return request.get_response(self.application)

    def test_it_follows_each_step_at_once(self) -> None:
        path = '/latest/meta-data/offline_cpuset'
        self.assertGreater(CONF.api.metadata_cache_expiration, 0)
        self.assertEqual('set([3])', self.ask_metadata(path).text)
        self.assert_scales(self.server, 'down')
        self.assertEqual('set([2, 3])', self.ask_metadata(path).text)
        self.assertEqual(202, self.put(4).status_code)
        self.settle()
        self.assertEqual('set([])', self.ask_metadata(path).text)

    def test_the_rest_is_novas(self) -> None:
        listed = self.ask_metadata('/latest/meta-data/').text.splitlines()
        self.assertIn('instance-id', listed)
        self.assertNotIn('offline_cpuset', listed)
