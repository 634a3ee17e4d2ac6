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
"""The scheduler and the hosts' plug-ins, together."""

import logging
from typing import Any

import fixtures
from nova.scheduler import weights
from nova.tests.functional.api import client

from nova_ext import exception
from nova_ext.compute import tracker
from tests.functional import resources


class FirstHost(weights.BaseHostWeigher):
    """Let the scheduler try host1 first."""

    def _weigh_object(self, host: Any, spec: Any) -> float:
        return -float(host.host[-1])


class Base(resources.ResourcesTestBase):
    """Two hosts of eight compute units each, of which most are taken."""

    compute_resources = ['compute_unit', 'puppet']
    scheduler_consumers = ['compute_unit']

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1', 'host2', cores=4)
        self.one = self.flavor(1, cu__units='1')
        self.logger = self.useFixture(
            fixtures.FakeLogger(
                'nova_ext', level=logging.DEBUG, nuke_handlers=False
            )
        )

    def log(self) -> str:
        """Return what the package has logged."""
        text: str = self.logger.output
        return text

    def refuse_on(self, host: str, reason: str = 'the puppet says no') -> None:
        """Let the plug-in on one host refuse every server."""
        self.puppet.side_effect = lambda method, where: (
            reason if (method, where) == ('test', host) else None
        )


class ConsumersTest(Base):
    """What the scheduler knows, and decides."""

    def test_two_servers_of_one_request(self) -> None:
        """One unit is free on each host: each takes one of the servers."""
        for host in ('host1', 'host2'):
            self.start(self.flavor(1, cu__units='6.5'), host)
        self.flags(weight_multiplier=-1.0, group='nova_ext_compute_unit')
        reservation = self._boot_many(2)
        hosts = {self.host_of(each) for each in reservation}
        self.assertEqual({'host1', 'host2'}, hosts)
        self.assertNotIn('Failed to claim', self.log())
        self.start(self.one, state='ERROR')
        self.assertIn(
            'wanted 1 of compute_unit_total - compute_unit_used', self.log()
        )
        self.assertIn('got 0.5', self.log())

    def test_the_weigher_spreads(self) -> None:
        """The host with more free units wins, though nothing else says so."""
        for weigher in ('ram', 'cpu', 'disk', 'pci', 'num_instances'):
            self.flags(
                **{weigher + '_weight_multiplier': 0.0},
                group='filter_scheduler',
            )
        big = self.flavor(1, cu__units='3')
        first = self.start(big)
        second = self.start(big)
        self.assertNotEqual(self.host_of(first), self.host_of(second))

    def test_a_resize_that_fits_nowhere(self) -> None:
        server = self.start(self.one, 'host1')
        big = self.flavor(1, cu__units='9')
        # Nova's fixtures make a call of the API's cast.
        self.assertRaises(
            client.OpenStackApiException,
            self.api.post_server_action,
            server['id'],
            {'resize': {'flavorRef': big}},
        )
        self.assertIn('got 8, wanted 9', self.log())
        self.assertEqual('1', self.stats('host1')['compute_unit_used'])

    def test_a_flavor_that_is_wrong(self) -> None:
        self.start(self.flavor(1, cu__units='many'), state='ERROR')
        self.assertIn(
            "got many, wanted a number such as 4 or 2.5 of cu:units",
            self.log(),
        )

    def test_a_rebuild_is_not_filtered(self) -> None:
        server = self.start(self.flavor(1, cu__units='8'), 'host1')
        self._rebuild_server(server, '155d900f-4e14-4e4c-a73d-069cbf4541e6')
        self.assertEqual('8', self.stats('host1')['compute_unit_used'])

    def _boot_many(self, count: int) -> list[dict[str, Any]]:
        body = self._build_server(flavor_id=self.one, networks='none')
        body.update(min_count=count, max_count=count)
        self.api.post_server({'server': body})
        found = [
            each
            for each in self.api.get_servers(detail=True)
            if each['flavor']['vcpus'] == 1 and each['status'] != 'ACTIVE'
        ] or self.api.get_servers(detail=True)[:count]
        return [
            self._wait_for_state_change(each, 'ACTIVE')
            for each in found[:count]
        ]


class ClaimsTest(Base):
    """The late veto of the host, when the scheduler did not know."""

    scheduler_consumers: list[str] = []

    def setUp(self) -> None:
        super().setUp()
        self.scheduler.manager.host_manager.weighers = [FirstHost()]

    def test_a_refused_claim_is_rescheduled(self) -> None:
        self.refuse_on('host1')
        server = self.start(self.one)
        self.assertEqual('host2', self.host_of(server))
        self.assertIn('Failed to claim: the puppet says no', self.log())
        self.assertEqual('0', self.stats('host1')['compute_unit_used'])
        self.assertEqual('0', self.stats('host1')['puppet_servers'])
        self.assertEqual('1', self.stats('host2')['puppet_servers'])

    def test_every_reason_is_named(self) -> None:
        """In the order of the option; and Nova's come first."""
        self.refuse_on('host1')
        self.start(self.flavor(1, cu__units='9'), state='ERROR')
        self.assertIn(
            'Failed to claim: compute_unit: free 8 < requested 9; '
            'the puppet says no',
            self.log(),
        )

    def test_a_test_that_fails_refuses(self) -> None:
        def told(method: str, host: str) -> None:
            if (method, host) == ('test', 'host1'):
                raise ZeroDivisionError('counted to zero')

        self.puppet.side_effect = told
        server = self.start(self.one)
        self.assertEqual('host2', self.host_of(server))
        self.assertIn(
            'resource plug-in puppet could not test it: ZeroDivisionError: '
            'counted to zero',
            self.log(),
        )
        self.flags(on_failing_test='pass', group='nova_ext_plugins')
        self.assertEqual('host1', self.host_of(self.start(self.one)))

    def test_a_resize_is_rescheduled(self) -> None:
        server = self.start(self.one, 'host2')
        self.start_hosts('host3', cores=4)
        self.refuse_on('host1')
        self._resize_server(server, self.flavor(1, cu__units='2'))
        self.assertEqual('host3', self.host_of(server))
        self.assertIn('Failed to claim: the puppet says no', self.log())

    def test_a_live_migration_is_refused(self) -> None:
        server = self.server = self.start(self.one, 'host1')
        self.refuse_on('host2')
        self.src, self.dest = self.computes['host1'], self.computes['host2']
        self.assertRaises(
            client.OpenStackApiException,
            self._live_migrate,
            server,
            host='host2',
        )
        self.assertIn('Failed to claim: the puppet says no', self.log())
        self.assertEqual('host1', self.host_of(server))
        self.audit()
        self.assertEqual('1', self.stats('host1')['compute_unit_used'])
        self.assertEqual('0', self.stats('host2')['compute_unit_used'])

    def test_drift_is_repaired_by_the_next_audit(self) -> None:
        def told(method: str, host: str) -> None:
            if method == 'add_instance':
                raise ValueError('not today')

        self.puppet.side_effect = told
        self.start(self.one, 'host1')
        self.assertEqual('0', self.stats('host1')['puppet_servers'])
        # Another plug-in's usage is right.
        self.assertEqual('1', self.stats('host1')['compute_unit_used'])
        self.puppet.side_effect = None
        self.audit()
        self.assertEqual('1', self.stats('host1')['puppet_servers'])


class SwitchesTest(Base):
    """Plug-ins are switched on and off, on one side or both."""

    def test_keys_of_removed_plugins_vanish(self) -> None:
        self.start(self.one, 'host1')
        self.flags(compute_resources=['compute_unit'])
        self.restart('host1')
        self.audit()
        self.assertEqual(
            {'compute_unit_total': '8', 'compute_unit_used': '1'},
            self.ours('host1'),
        )
        self.flags(compute_resources=[])
        self.restart('host1')
        self.audit()
        self.assertEqual({}, self.ours('host1'))

    def test_a_host_without_information(self) -> None:
        """It is taken or not as the operator says, with one warning."""
        self.flags(compute_resources=[])
        self.restart('host2')
        self.audit()
        self._disable('host1')
        for _ in range(2):
            self.assertEqual('host2', self.host_of(self.start(self.one)))
        self.assertEqual(
            1, self.log().count('Host host2: consumer compute_unit')
        )
        self.flags(on_missing_information='refuse', group='nova_ext_plugins')
        self.start(self.one, state='ERROR')
        self.assertIn('got no information, wanted 1', self.log())

    def test_damaged_information(self) -> None:
        self._disable('host1')
        node = self.node('host2')
        node.stats = {**node.stats, 'compute_unit_used': 'plenty'}
        node.save()
        self.assertEqual('host2', self.host_of(self.start(self.one)))
        self.assertIn("the key compute_unit_used is 'plenty'", self.log())

    def test_an_unknown_name_stops_a_strict_service(self) -> None:
        self.flags(on_unusable='refuse', group='nova_ext_plugins')
        self.flags(compute_resources=['compute_unit', 'comptue_unit'])
        compute = self.computes['host1']
        self.assertRaises(
            exception.PluginUnknown,
            tracker.ResourceTracker,
            'host1',
            compute.driver,
            compute.manager.reportclient,
        )

    def test_nothing_is_called_without_plugins(self) -> None:
        self.flags(compute_resources=[])
        self.restart('host1')
        self.useFixture(
            fixtures.MockPatch(
                'nova_ext.compute.usage.usage_of',
                side_effect=AssertionError('called'),
            )
        )
        server = self.start(self.one, 'host1')
        self._delete_server(server)
        self.assertEqual({}, self.ours('host1'))

    def _disable(self, host: str) -> None:
        (service,) = self.admin_api.get_services(
            binary='nova-compute', host=host
        )
        self.admin_api.put_service(service['id'], {'status': 'disabled'})
