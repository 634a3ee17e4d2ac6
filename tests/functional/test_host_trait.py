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
"""The host check's trait, in Nova's and placement's own code."""

import json
import pathlib
from typing import Any
from unittest import mock

import fixtures

from nova_ext.cmd import status
from nova_ext.hostcheck import probes
from tests.functional import base
from tests.unit.hostcheck import fakes

TRAIT = 'CUSTOM_REALTIME_HOST'
REQUIRED = {'trait:' + TRAIT: 'required', 'hw:cpu_policy': 'dedicated'}


class HostTraitTest(base.ScalingTestBase):
    """Two hosts, of which one is made for real-time."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', 'host2')
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        good = fakes.TABLE['good']
        for name, answer in (
            ('DeviceKvm', fakes.FakeKvm(good['kvm'])),
            (
                'LibvirtVersions',
                fakes.FakeVersions(good['libvirt'], good['qemu']),
            ),
        ):
            self.useFixture(
                fixtures.MockPatchObject(
                    probes, name, mock.Mock(return_value=answer)
                )
            )

    def check(self, name: str, virt_type: str = 'kvm') -> int:
        """Run the command as on that host; return its exit status."""
        root = self.folder / 'host'
        fakes.make(root, {})
        file = self.folder / 'nova.conf'
        file.write_text(
            '[compute]\ncpu_dedicated_set = 2-5\n[libvirt]\nvirt_type = %s\n'
            '[placement]\nauth_type = admin_token\ntoken = admin\n'
            'endpoint = %s\n' % (virt_type, self.placement_fixture.endpoint)
        )
        words = ['--config-file', str(file), 'host-check', '--json']
        words += ['--root', str(root), '--smi-seconds', '0', '--update-trait']
        words += ['--resource-provider', self.provider(name)]
        with fixtures.MonkeyPatch('sys.argv', ['nova-ext-status', *words]):
            with mock.patch('builtins.print') as shown:
                result = status.main()
        (text,) = shown.call_args.args
        assert json.loads(text)['trait']['problem'] == ''
        return result

    def provider(self, name: str) -> str:
        return str(self._get_provider_uuid_by_host(name))

    def has_trait(self, name: str) -> bool:
        return TRAIT in self._get_provider_traits(self.provider(name))

    def boot_anywhere(self, state: str = 'ACTIVE') -> dict[str, Any]:
        flavor = self._create_flavor(
            vcpu=2, memory_mb=256, disk=1, ephemeral=0, extra_spec=REQUIRED
        )
        server: dict[str, Any] = self._create_server(
            flavor_id=flavor, networks='none', expected_state=state
        )
        return server

    def test_a_flavor_that_requires_it_finds_the_host(self) -> None:
        self.boot_anywhere('ERROR')
        others = self._get_provider_traits(self.provider('host2'))

        self.assertEqual(0, self.check('host2'))
        self.assertTrue(self.has_trait('host2'))
        self.assertFalse(self.has_trait('host1'))
        for _ in range(2):
            server = self.boot_anywhere()
            self.assertEqual('host2', server['OS-EXT-SRV-ATTR:host'])

        self.assertEqual(2, self.check('host2', 'qemu'))
        self.assertEqual(
            sorted(others),
            sorted(self._get_provider_traits(self.provider('host2'))),
        )
        self.boot_anywhere('ERROR')

    def test_an_aggregate_keeps_other_servers_off(self) -> None:
        """As the administrator's pages show it."""
        self.flags(enable_isolated_aggregate_filtering=True, group='scheduler')
        self.check('host2')
        aggregate = {'aggregate': {'name': 'realtime'}}
        number = self.admin_api.post_aggregate(aggregate)['id']
        self.admin_api.add_host_to_aggregate(number, 'host2')
        path = '/os-aggregates/%d/action' % number
        required = {'metadata': {'trait:' + TRAIT: 'required'}}
        self.admin_api.api_post(path, {'set_metadata': required})
        self.audit()

        plain = [self.boot(2, host=None) for _ in range(2)]
        self.assertEqual(
            ['host1'] * 2, [one['OS-EXT-SRV-ATTR:host'] for one in plain]
        )
        server = self.boot_anywhere()
        self.assertEqual('host2', server['OS-EXT-SRV-ATTR:host'])

    def test_nova_compute_leaves_it_alone(self) -> None:
        self.check('host1')
        self.audit()
        self.assertTrue(self.has_trait('host1'))
        self.restart('host1')
        self.audit()
        self.assertTrue(self.has_trait('host1'))

        self.check('host1', 'qemu')
        self.audit()
        self.restart('host1')
        self.assertFalse(self.has_trait('host1'))
