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
"""Real-time flavors and images that cannot work, as a user meets it.

None ends with a 500, and none gets as far as a host.
"""

from typing import Any

from nova import context as nova_context
from nova import objects

from tests import realtime_rules
from tests.functional import base

REFUSED = realtime_rules.TABLES['refused']
IMAGE = '2f3a7c1e-9c0d-4b7e-8f55-5a4d3c2b1a09'


class RealtimeApiTest(base.ScalingTestBase):
    """nova-api with one host that could take any server."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', cores=8)

    def flavor(self, vcpus: int) -> str:
        flavor: str = self._create_flavor(
            vcpu=vcpus, memory_mb=256 * vcpus, disk=1, ephemeral=0
        )
        return flavor

    def put_past_the_api(self, flavor: str, specs: dict[str, str]) -> None:
        """Give a flavor extra specs as if from before the installation."""
        found = objects.Flavor.get_by_flavor_id(
            nova_context.get_admin_context(), flavor
        )
        found.save_extra_specs(to_add=specs)

    def create(self, flavor: str, image: str) -> tuple[int, str]:
        body = {
            'server': {
                'name': 's',
                'flavorRef': flavor,
                'imageRef': image,
                'networks': 'none',
            }
        }
        return self.ask('POST', '/servers', body)

    def image(self, properties: dict[str, str]) -> str:
        self.glance.images[IMAGE] = {
            **self.glance.auto_disk_config_enabled_image,
            'id': IMAGE,
            'properties': properties,
        }
        return IMAGE

    def test_what_is_refused(self) -> None:
        own = self.boot(
            2, name='own', cpu_realtime='yes', **{'cpu_realtime_mask': '^0'}
        )
        for case in REFUSED:
            self.refused(case, own)
        self.assertEqual(1, len(self.api.get_servers(detail=False)))

    def refused(self, case: dict[str, Any], own: dict[str, Any]) -> None:
        flavor = self.flavor(realtime_rules.vcpus(case))
        image = self.image(realtime_rules.properties(case))
        specs = realtime_rules.extra_specs(case)
        if specs:
            answered, text = self.ask(
                'POST',
                '/flavors/%s/os-extra_specs' % flavor,
                {'extra_specs': specs},
                self.admin_api,
            )
            if 'edit' in case:
                self.assertEqual(400, answered, case)
                self.assertIn(case['key'], text)
            else:
                self.assertEqual(200, answered, (case, text))
            self.put_past_the_api(flavor, specs)
        resize = {'resize': {'flavorRef': flavor}}
        asked = [self.create(flavor, image)]
        if 'image' not in case:
            path = '/servers/%s/action' % own['id']
            asked.append(self.ask('POST', path, resize))
        for answered, text in asked:
            self.assertEqual(400, answered, (case, text))
            self.assertIn(case['key'], text)

    def test_rebuild_with_a_mask_that_is_no_list(self) -> None:
        server = self.boot(
            2, name='own', cpu_realtime='yes', cpu_realtime_mask='^0'
        )
        image = self.image({'hw_cpu_realtime_mask': '1-0'})
        answered, text = self.ask(
            'POST',
            '/servers/%s/action' % server['id'],
            {'rebuild': {'imageRef': image}},
        )
        self.assertEqual(400, answered)
        self.assertIn("hw_cpu_realtime_mask: '1-0' is not a CPU list", text)
        self.assertIsNone(self.instance(server['id']).task_state)

    def test_rebuild_while_the_ordinary_vcpu_is_parked(self) -> None:
        server = self.boot(
            2, 1, name='own', cpu_realtime='yes', cpu_realtime_mask='^0'
        )
        self.assert_scales(server, 'down')
        image = self.image({'hw_cpu_realtime_mask': '^1'})
        rebuild = {'rebuild': {'imageRef': image}}
        path = '/servers/%s/action' % server['id']
        answered, text = self.ask('POST', path, rebuild)
        self.assertEqual(409, answered)
        self.assertIn('leaves none of the online vCPUs (0) ordinary', text)
        self.assert_agreement()
        self.assert_scales(server, 'up')
        self.assertEqual(202, self.ask('POST', path, rebuild)[0])
        self._wait_for_server_parameter(
            server, {'status': 'ACTIVE', 'OS-EXT-STS:task_state': None}
        )
        self.assertEqual([0], sorted(self._process(server).realtime))

    def _process(self, server: dict[str, Any]) -> Any:
        servers = self.states()[1]
        (found,) = (one for one in servers if one.name == server['name'])
        return found.process

    def test_the_default_mask(self) -> None:
        """A flavor without a mask works, and shows the one that it got."""
        flavor = self.flavor(4)
        specs = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}
        self.admin_api.post_extra_spec(flavor, {'extra_specs': specs})
        image = self.image({})
        answered, text = self.create(flavor, image)
        self.assertEqual(400, answered)
        self.assertIn('hw:cpu_realtime_mask is missing', text)

        self.flags(default_mask='^0', group='nova_ext_realtime')
        server = self._create_server(
            name='a', flavor_id=flavor, image_uuid=image, networks='none'
        )
        shown = self.admin_api.api_get(
            '/flavors/%s/os-extra_specs' % flavor
        ).body['extra_specs']
        self.assertEqual({**specs, 'hw:cpu_realtime_mask': '^0'}, shown)
        self.assertEqual({1, 2, 3}, self._process(server).realtime)
        self.assert_agreement()

    def test_what_all_real_time_vcpus_parked_are_told(self) -> None:
        server = self.boot(
            2, 1, name='own', cpu_realtime='yes', cpu_realtime_mask='^0'
        )
        path = '/servers/%s/vcpu-scale' % server['id']
        for direction, said in (('down', 1), ('up', 0)):
            self.assert_scales(server, direction)
            shown = self.api.api_get(path).body['vcpu_scale']['remarks']
            self.assertEqual(said, len(shown))
            for text in shown:
                self.assertIn('the memory stays locked', text)
