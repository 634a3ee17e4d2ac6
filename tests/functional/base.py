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
"""The base of the functional tests: Nova in one process, with our classes."""

import contextlib
import copy
import json
import pathlib
import sys
from typing import Any

import fixtures
from nova import context as nova_context
from nova import objects
from nova.compute import vm_states
from nova.tests.fixtures import libvirt as fakelibvirt
from nova.tests.functional.libvirt import base
from oslo_policy import opts as policy_opts

from nova_ext.api import views
from nova_ext.compute import virt_shim
from nova_ext.conf import CONF
from nova_ext.hypervisor import privileged
from tests.functional import agreement
from tests.functional import observe
from tests.functional import waits
from tests.functional.fakes import domain
from tests.functional.fakes import effects
from tests.functional.fakes import paste
from tests.functional.fakes import watch
from tests.functional.fakes import world

# A wheel installs this file below nova.virt; a checkout does not.
sys.modules.setdefault('nova.virt.nova_ext', virt_shim)

#: The most pCPUs that any fake host has.
MAX_CPUS = 64


class ScalingTestBase(waits.QuickWaits, base.ServersTestBase):
    """Hosts with two NUMA nodes, and servers that can be scaled."""

    ADDITIONAL_FILTERS = ['NUMATopologyFilter']
    microversion = 'latest'

    def setUp(self) -> None:
        self.world = world.World(self._parked)
        #: The hosts that are down or cut off.
        self.away: set[str] = set()
        self._patch_libvirt()
        folder = self.useFixture(fixtures.TempDir()).path
        self.flags(
            api_paste_config=paste.write(pathlib.Path(folder) / 'paste.ini'),
            group='wsgi',
        )
        self.flags(request_timeout=20, group='nova_ext')
        # A service that is started again and again never says that it is up;
        # what a test wants down it marks as down.
        self.flags(service_down_time=3600)
        # The default of every real nova-api; Nova's tests turn it off.
        policy_opts.set_defaults(CONF)
        self.flags(enforce_new_defaults=True, group='oslo_policy')
        self.useFixture(
            fixtures.MockPatch(
                'nova_ext.scaling.coordinator.AgentCoordinator',
                lambda path: self.world.coordinator,
            )
        )
        self.useFixture(
            fixtures.MockPatch(
                'nova_ext.scaling.announcements.Announcements',
                self.world.announcements,
            )
        )
        super().setUp()
        self._patch_nova()
        self.useFixture(watch.Watch(self.world.effects))

    def _clear_attrs(self) -> None:
        super()._clear_attrs()
        # pytest sets the test method on the object, and later deletes it.
        setattr(self, self._testMethodName, None)

    def _setup_compute_service(self) -> None:
        self.flags(compute_driver='nova_ext.LibvirtDriver')

    def _patch_libvirt(self) -> None:
        ours = type('Domain', (domain.Domain,), {'world': self.world})
        for name, cls in (('Domain', ours), ('Connection', domain.Connection)):
            self.useFixture(
                fixtures.MockPatchObject(fakelibvirt, name, new=cls)
            )

    def _patch_nova(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'nova.virt.libvirt.host.Host.get_online_cpus',
                lambda self: set(range(MAX_CPUS)),
            )
        )
        self.useFixture(
            fixtures.MockPatch(
                'nova.virt.libvirt.driver.LibvirtDriver'
                '._get_instance_disk_info',
                return_value=[],
            )
        )
        self.useFixture(fixtures.MockPatch('os.rename'))
        self.useFixture(
            fixtures.MonkeyPatch(
                'os.sched_setscheduler', self.world.kernel.sched_setscheduler
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'nova_ext.compute.libvirt_guest.ask_monitor',
                lambda domain, command, flags: domain.query_cpus_fast(),
            )
        )
        privileged.context.set_client_mode(False)
        self.addCleanup(privileged.context.set_client_mode, True)

    def _parked(self, uuid: str) -> frozenset[int]:
        return views.offline_vcpus(self.instance(uuid))

    # -- hosts -------------------------------------------------------------

    def _get_connection(
        self, host_info: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Nova's check for at most 16 CPUs does not apply here."""
        connection = super()._get_connection(None, *args, **kwargs)
        self.world.hosts[connection.hostname] = connection
        if host_info is not None:
            connection.host_info = host_info
        return connection

    def start_hosts(
        self,
        *names: str,
        cores: int = 4,
        threads: int = 1,
        legacy: bool = False,
        dedicated: str | None = None,
    ) -> None:
        """Start hosts, whose CPUs are for pinned servers.

        :param dedicated: which CPUs are; None for all.
        :param cores: of each of the two NUMA nodes.
        :param threads: of each core.
        :param legacy: whether the hosts are configured by the old option
            ``vcpu_pin_set``; only so Nova puts servers with ``isolate`` on
            hyperthreaded hosts.
        """
        info = fakelibvirt.HostInfo(
            cpu_nodes=2, cpu_cores=cores, cpu_threads=threads
        )
        everything = dedicated or '0-%d' % (info.cpus - 1)
        if legacy:
            self.flags(vcpu_pin_set=everything)
        else:
            self.flags(cpu_dedicated_set=everything, group='compute')
        for name in names:
            self.start_compute(hostname=name, host_info=copy.deepcopy(info))

    def start_compute(
        self, hostname: str = 'compute1', *args: Any, **kwargs: Any
    ) -> Any:
        """Start a nova-compute that can be stopped when it is dead, too."""
        name = super().start_compute(hostname, *args, **kwargs)
        compute = self.computes[hostname]
        driver = compute.manager.driver
        stop, confirm = compute.stop, driver.confirm_migration

        def stop_what_lives() -> None:
            with contextlib.suppress(effects.Killed):
                stop()
            self._hang_up(driver)

        def confirm_here(*args: Any) -> None:
            # Nova's driver asks the configuration, which the hosts of a test
            # share, whether the server has left its host.
            before = CONF.host
            self.flags(host=hostname)
            try:
                confirm(*args)
            finally:
                self.flags(host=before)

        compute.stop = stop_what_lives
        driver.confirm_migration = confirm_here
        return name

    def restart(self, host: str, dies_before: int | None = None) -> bool:
        """Start a new nova-compute on a host; its domains keep running.

        :param dies_before: which of its effects the new one dies before.
        :returns: whether it lives, and started.
        """
        self.world.effects.revive()
        compute, provider = self.computes[host], self.compute_rp_uuids[host]
        stop = compute.stop

        def stop_and_be_armed() -> None:
            stop()
            if dies_before:
                self.world.effects.kill_before(dies_before)

        compute.stop = stop_and_be_armed
        try:
            self.restart_compute_service(host)
        except effects.Killed:
            self._hang_up(self.world.effects.dead[-1].driver)
            compute.stop = stop
            self.computes[host] = compute
            self.compute_rp_uuids[host] = provider
            return False
        return True

    def _hang_up(self, driver: Any) -> None:
        """End what is left of a dead nova-compute on the message bus."""
        server = driver._scaling_server
        if server is not None:
            server.stop()
            server.wait()

    def settle(self) -> None:
        """Wait until no host works on a scale request any more."""
        for compute in self.computes.values():
            compute.driver._scaler.wait(60)

    # -- servers -----------------------------------------------------------

    def boot(
        self,
        vcpus: int,
        minimum: int | None = None,
        host: str | None = 'host1',
        name: str | None = None,
        state: str = 'ACTIVE',
        **extra: str,
    ) -> dict[str, Any]:
        """Boot a server with dedicated cores.

        :param minimum: ``wrs:min_vcpus`` of its flavor, None for none.
        :param extra: more extra specs below ``hw:``.
        :returns: the server as the API shows it.
        """
        specs = {'hw:cpu_policy': 'dedicated'}
        specs.update({'hw:' + key: value for key, value in extra.items()})
        if minimum is not None:
            specs['hw:wrs:min_vcpus'] = str(minimum)
        flavor = self._create_flavor(
            vcpu=vcpus, memory_mb=256, disk=1, ephemeral=0, extra_spec=specs
        )
        server: dict[str, Any] = self._create_server(
            name=name,
            flavor_id=flavor,
            networks='none',
            host=host,
            expected_state=state,
        )
        return server

    def instance(self, uuid: str) -> Any:
        """Return Nova's object of a server, read anew."""
        return objects.Instance.get_by_uuid(
            nova_context.get_admin_context(),
            uuid,
            expected_attrs=['system_metadata', 'numa_topology', 'flavor'],
        )

    def guest(self, server: dict[str, Any]) -> Any:
        """Return the fake guest of a server."""
        return self.world.guests[self.instance(server['id']).name]

    def domain(self, server: dict[str, Any]) -> Any:
        """Return the fake libvirt domain of a server."""
        instance = self.instance(server['id'])
        host = self.computes[instance.host].driver._host
        return host.get_connection().lookupByUUIDString(server['id'])

    # -- scaling -----------------------------------------------------------

    def scale(
        self, server: dict[str, Any], direction: str, api: Any = None
    ) -> tuple[int, str]:
        """Ask for one vCPU more or less, as the earlier system's callers do.

        :returns: status and error text of the answer.
        """
        body = {'wrs-res:scale': {'direction': direction, 'resource': 'cpu'}}
        path = '/servers/%s/action' % server['id']
        return self.ask('POST', path, body, api)

    def ask(
        self, method: str, path: str, body: Any, api: Any = None
    ) -> tuple[int, str]:
        """Send a request; return status and error text of the answer.

        :param body: sent as JSON, a string as it is.
        """
        if not isinstance(body, str):
            body = json.dumps(body)
        answer = (api or self.api).api_request(path, method=method, body=body)
        if answer.status_code < 400:
            return answer.status_code, ''
        (fault,) = answer.json().values()
        return answer.status_code, fault['message']

    def assert_scales(
        self, server: dict[str, Any], direction: str, cores: int = 1
    ) -> None:
        """A request is accepted and moves so many cores of the host."""
        host = self.computes[self.instance(server['id']).host]
        before = len(observe.host_state(host, self.placement).tracked)
        self.assertEqual((202, ''), self.scale(server, direction))
        moved = cores if direction == 'up' else -cores
        after = len(observe.host_state(host, self.placement).tracked)
        self.assertEqual(before + moved, after)
        self.assert_agreement()

    def vcpus(self, server: dict[str, Any]) -> list[int]:
        """Return ``wrs-res:vcpus``: minimum, current and maximum."""
        shown = self.api.api_get(
            '/servers/%s' % server['id'], headers={'wrs-header': 'wrs_res'}
        )
        counts: list[int] = shown.body['server']['wrs-res:vcpus']
        return counts

    def last_request(self, server: dict[str, Any]) -> dict[str, Any]:
        """Return how the last scale request of a server stands."""
        shown = self.api.api_get('/servers/%s/vcpu-scale' % server['id'])
        last: dict[str, Any] = shown.body['vcpu_scale']['last_request']
        return last

    def assert_last_request_is_true(self, server: dict[str, Any]) -> None:
        """The caller can see how a request ended, and that is so."""
        current = self.vcpus(server)[1]
        last = self.last_request(server)
        self.assertIn(last['state'], ('done', 'failed'))
        self.assertEqual(current, last['reached'], last)
        self.assertEqual(last['state'] == 'done', current == last['target'])

    # -- agreement ---------------------------------------------------------

    def states(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the state of all hosts, of all servers on them, and kept.

        Hosts that are away, and what is on them, are left out.
        """
        up = {
            name: compute
            for name, compute in self.computes.items()
            if name not in self.away
        }
        placement = observe.Once(self.placement)
        hosts = [
            observe.host_state(compute, placement) for compute in up.values()
        ]
        instances = [one for one in self._instances() if one.host in up]
        servers = [
            observe.server_state(one.uuid, up, self.world, placement)
            for one in instances
        ]
        kept = [
            observe.kept_state(one.uuid, up)
            for one in instances
            if one.vm_state == vm_states.RESIZED
        ]
        return hosts, servers, [one for one in kept if one is not None]

    def _instances(self) -> list[Any]:
        return list(
            objects.InstanceList.get_by_filters(
                nova_context.get_admin_context(),
                {'deleted': False, 'soft_deleted': True},
                expected_attrs=[],
            )
        )

    def _run_periodics(self) -> None:
        """Audit as Nova's tests do, but not on hosts that are away."""
        everything = self.computes
        self.computes = {
            name: compute
            for name, compute in everything.items()
            if name not in self.away
        }
        try:
            super()._run_periodics()
        finally:
            self.computes = everything

    def audit(self) -> None:
        """Run the periodic audit on every host, and what it starts."""
        self._run_periodics()
        self.settle()
        assert 'Error updating resources' not in self.stdlog.logger.output

    def assert_agreement(self, journals: bool = False) -> None:
        """All sources agree, and an audit changes nothing.

        :param journals: whether requests of silent guests may be open; the
            audit must not close them as long as the guest is silent.
        """
        self.assertEqual([], self.world.kernel.moved)
        before = self.states()
        hosts, servers, kept = before
        self.assertEqual(
            [],
            agreement.disagreements(
                hosts,
                servers,
                CONF.nova_ext_scaling.accounting,
                journals,
                kept,
            ),
        )
        self.audit()
        after = self.states()
        for old, new in zip(before, after, strict=True):
            self.assertEqual([], agreement.differences(old, new))
