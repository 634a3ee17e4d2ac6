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
"""The base of the tests of plug-ins: two hosts, all built-in plug-ins."""

from typing import Any

import fixtures
from nova import context as nova_context
from nova import objects
from nova.tests.functional.libvirt import base as libvirt_base

from nova_ext.conf import CONF
from nova_ext.scheduler import hosts as scheduler_hosts
from tests import distributions
from tests.functional import base
from tests.functional.fakes import plugins

BUILT_IN = ['vcpu_scale', 'realtime_pcpu', 'compute_unit']
KEYS = (
    'vcpu_scale_free',
    'vcpu_scale_used',
    'vcpu_scale_returnable',
    'vcpu_scale_promised',
    'realtime_pcpu_used',
    'compute_unit_used',
)


class ResourcesTestBase(
    libvirt_base.LibvirtMigrationMixin, base.ScalingTestBase
):
    """Hosts with eight pCPUs, and so eight compute units, each."""

    compute_resources = BUILT_IN
    scheduler_consumers = BUILT_IN
    ADMIN_API = True

    def setUp(self) -> None:
        installed = distributions.installed(
            distributions.nova_ext(), ('puppets', '0.1', plugins.POINTS)
        )
        installed.__enter__()
        self.addCleanup(installed.__exit__, None, None, None)
        self.puppet = self.useFixture(
            fixtures.MockPatchObject(plugins.Puppet, 'told', return_value=None)
        ).mock
        self.flags(
            compute_resources=self.compute_resources,
            scheduler_consumers=self.scheduler_consumers,
        )
        scheduler_hosts.forget()
        self.addCleanup(scheduler_hosts.forget)
        super().setUp()
        # Nova itself writes this at every audit, with the time of day in it.
        self.useFixture(
            fixtures.MockPatch(
                'nova.virt.libvirt.driver.LibvirtDriver.get_host_uptime',
                return_value='up 1 day',
            )
        )

    def _setup_scheduler_service(self) -> Any:
        self.flags(
            available_filters=[
                'nova.scheduler.filters.all_filters',
                'nova_ext.scheduler.filters.all_filters',
            ],
            enabled_filters=[
                'ResourceConsumerFilter',
                *CONF.filter_scheduler.enabled_filters,
                'NUMATopologyFilter',
                'ResourceFitFilter',
            ],
            weight_classes=[
                'nova.scheduler.weights.all_weighers',
                'nova_ext.scheduler.weights.ResourceWeigher',
            ],
            group='filter_scheduler',
        )
        return self.start_service('scheduler')

    # -- servers -----------------------------------------------------------

    def flavor(
        self, vcpus: int, minimum: int | None = None, **specs: str
    ) -> Any:
        """Make a flavor with dedicated cores.

        :param specs: extra specs, with ``__`` for a colon.
        """
        found = {'hw:cpu_policy': 'dedicated', 'hw:numa_nodes': '1'}
        found.update(
            {key.replace('__', ':'): text for key, text in specs.items()}
        )
        if minimum is not None:
            found['hw:wrs:min_vcpus'] = str(minimum)
        return self._create_flavor(
            vcpu=vcpus,
            memory_mb=256,
            disk=1,
            ephemeral=0,
            extra_spec=found,
        )

    def start(
        self, flavor: Any, host: str | None = None, state: str = 'ACTIVE'
    ) -> dict[str, Any]:
        """Boot a server."""
        server: dict[str, Any] = self._create_server(
            flavor_id=flavor,
            networks='none',
            host=host,
            expected_state=state,
        )
        return server

    def host_of(self, server: dict[str, Any]) -> str:
        """Return the host of a server."""
        host: str = self.instance(server['id']).host
        return host

    # -- usage -------------------------------------------------------------

    def node(self, host: str) -> Any:
        """Return a host's compute node in the tracker's memory."""
        (node,) = self.computes[host].manager.rt.compute_nodes.values()
        return node

    def stats(self, host: str) -> dict[str, str]:
        """Return what the scheduler reads of a host's stats."""
        node = objects.ComputeNode.get_by_nodename(
            nova_context.get_admin_context(), host
        )
        stats: dict[str, str] = node.stats
        return stats

    def usage(self, host: str) -> tuple[str, ...]:
        """Return the values of ``KEYS``, the same saved and in memory."""
        saved, tracked = self.stats(host), self.node(host).stats
        values = tuple(saved[key] for key in KEYS)
        self.assertEqual(tuple(tracked[key] for key in KEYS), values)
        return values

    def assert_usage(self, **hosts: str) -> None:
        """The hosts' usage is exactly this, and an audit changes nothing.

        :param hosts: the values of ``KEYS``, separated by spaces.
        """
        for host, values in hosts.items():
            self.assertEqual(tuple(values.split()), self.usage(host), host)
        before = {host: self.ours(host) for host in self.computes}
        # The first audit after a change drops counters of Nova's own that
        # have become zero, and saves that.
        self.audit()
        self.assert_audit_saves_nothing()
        for host in self.computes:
            self.assertEqual(before[host], self.ours(host))

    def ours(self, host: str) -> dict[str, str]:
        """Return what plug-ins have written for a host."""
        owned = ('vcpu_scale', 'realtime_pcpu', 'compute_unit', 'puppet')
        return {
            key: value
            for key, value in self.stats(host).items()
            if key.startswith(owned)
        }

    def assert_audit_saves_nothing(self) -> None:
        """An audit of all hosts does not write to the database."""
        self.world.effects.record()
        self.audit()
        self.world.effects.stop()
        self.assertEqual(0, self.world.effects.count('save node'))
