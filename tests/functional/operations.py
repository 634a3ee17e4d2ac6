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
"""The base of the tests of what Nova's operations do to a scaled-down server.

Two hosts of two NUMA nodes, with hyperthreading and whole cores for each
vCPU; a real-time server over both nodes at two of four vCPUs, and beside it
on each host one that nothing may happen to.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import functools
from typing import Any

import fixtures
from nova import context as nova_context
from nova import exception
from nova import objects
from nova.compute import rpcapi
from nova.tests.functional.api import client

from tests.functional import base
from tests.functional import waits

DRIVER = 'nova.virt.libvirt.driver.LibvirtDriver.'

IMAGE = 'a2459075-d96c-40d5-893e-577ff92e721c'

#: The states of a migration that is over.
ENDED = {
    'cancelled',
    'completed',
    'confirmed',
    'done',
    'error',
    'failed',
    'reverted',
}

#: What stays offline: one vCPU of each NUMA cell.
OFFLINE = {1, 3}


def broken(method: str, rolled_back: bool = False) -> fixtures.MockPatch:
    """Return what breaks a method of Nova's driver, on every host.

    :param rolled_back: whether it fails as a resize to a smaller disk does,
        after which Nova has the server as before.
    """
    error = exception.NovaException('broken by the test')
    if rolled_back:
        error = exception.InstanceFaultRollback(error)
    return fixtures.MockPatch(DRIVER + method, side_effect=error)


@contextlib.contextmanager
def cast(method: str) -> Iterator[None]:
    """Let no caller hear of a failure: Nova casts where its tests call.

    :param method: of ``nova.compute.rpcapi.ComputeAPI``.
    """
    call = getattr(rpcapi.ComputeAPI, method)

    def forget(*args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(exception.NovaException):
            call(*args, **kwargs)

    path = 'nova.compute.rpcapi.ComputeAPI.' + method
    with fixtures.MonkeyPatch(path, forget):
        yield


class OperationsBase(base.ScalingTestBase):
    """Two hosts with a scaled-down server on the first one."""

    ADMIN_API = True

    def setUp(self) -> None:
        super().setUp()
        self.flags(cores=-1, group='quota')
        self.start_hosts('host1', 'host2', cores=8, threads=2, legacy=True)
        self.server = self.boot_scalable()
        self.scale_down(self.server, *sorted(OFFLINE))
        self.bystanders = [
            self.boot_bystander('host1'),
            self.boot_bystander('host2'),
        ]
        self.assert_agreement()
        self.beside = self._bystanders()

    def boot_scalable(self, **extra: str) -> dict[str, Any]:
        """Boot the real-time server that is to be scaled."""
        return self.boot(
            4,
            1,
            name='scaled',
            numa_nodes='2',
            cpu_thread_policy='isolate',
            cpu_realtime='yes',
            cpu_realtime_mask='^0',
            **extra,
        )

    def boot_bystander(self, host: str) -> dict[str, Any]:
        """Boot a server at one of two vCPUs."""
        server = self.boot(
            2,
            1,
            host=host,
            name='beside-' + host,
            numa_nodes='1',
            cpu_thread_policy='isolate',
        )
        self.scale_down(server, 1)
        return server

    def scale_down(self, server: dict[str, Any], *vcpus: int) -> None:
        """Take these vCPUs offline."""
        for vcpu in vcpus:
            self.guest(server).picks(vcpu)
            self.assertEqual((202, ''), self.scale(server, 'down'))
        self.guest(server).picks(None)

    # -- what must hold ----------------------------------------------------

    def _bystanders(self) -> list[Any]:
        names = {'beside-host1', 'beside-host2'}
        return [one for one in self.states()[1] if one.name in names]

    def assert_bystanders(self) -> None:
        """Nothing happened to the servers beside, as far as one can see."""
        here = [one for one in self.beside if one.host not in self.away]
        self.assertEqual(here, self._bystanders())

    def assert_kept(self, host: str = 'host1') -> None:
        """The server is scaled down as before, and all agree."""
        self.assert_agreement()
        self.assert_bystanders()
        self.assertEqual(host, self.instance(self.server['id']).host)
        self.assertEqual([1, 2, 4], self.vcpus(self.server))
        online = {0, 1, 2, 3} - OFFLINE
        self.assertEqual(online, self.guest(self.server).online)

    def assert_maximum(self, host: str, count: int = 4) -> None:
        """The server has all its vCPUs, and all agree."""
        self.assert_agreement()
        self.assert_bystanders()
        self.assertEqual(host, self.instance(self.server['id']).host)
        self.assertEqual(count, self.vcpus(self.server)[1])
        self.assertEqual(set(range(count)), self.guest(self.server).online)

    def assert_still_scales(self) -> None:
        """The server can go to its maximum and back."""
        for direction in ('up', 'up', 'down'):
            self.assert_scales(self.server, direction, cores=2)

    def hosts_while_it_scales(self) -> list[Any]:
        """Scale the server up; return the hosts after an audit amidst it."""
        guest = self.guest(self.server)
        during: list[Any] = []

        def meanwhile() -> None:
            guest.meanwhile = None
            self.audit()
            during.extend(self.states()[0])

        guest.meanwhile = meanwhile
        self.scale(self.server, 'up')
        return during

    # -- what is done ------------------------------------------------------

    def do(self, action: str, status: str, argument: Any = None) -> None:
        """Start an action, and wait until it is over."""
        self.admin_api.post_server_action(
            self.server['id'], {action: argument}
        )
        self._wait_for_server_parameter(
            self.server, {'status': status, 'OS-EXT-STS:task_state': None}
        )

    def attempt(self, action: str, argument: Any = None) -> None:
        """Start what is to fail.

        Nova's tests call where Nova casts, so an error that only a compute
        host sees may reach the caller here.
        """
        with contextlib.suppress(client.OpenStackApiException):
            self.admin_api.post_server_action(
                self.server['id'], {action: argument}
            )

    def live_migrate(self, *states: str) -> None:
        """Migrate the server live to the other host.

        :param states: how the migration may end; none for completed.
        """
        self.attempt(
            'os-migrateLive', {'host': None, 'block_migration': 'auto'}
        )
        self.assertIn(self.end_of_move().status, states or {'completed'})

    def prepare_abort(self, uuid: str) -> Callable[[], None]:
        """Return what asks Nova to abort the live migration of a server.

        Nova's API does not show it once Nova has the fake's figures.
        """
        (migration,) = self.admin_api.get_active_migrations(uuid)
        return functools.partial(
            self.admin_api.delete_migration, uuid, migration['id']
        )

    def end_of_move(self) -> Any:
        """Wait until the server's last migration and what follows it is over.

        :returns: the migration; one to be confirmed is over, too.
        """

        def look() -> Any:
            last = max(
                objects.MigrationList.get_by_filters(
                    nova_context.get_admin_context(),
                    {'instance_uuid': self.server['id']},
                ),
                key=lambda one: one.id,
            )
            path = '/allocations/%s' % last.uuid
            held = self.placement.get(path).body['allocations']
            waits_for_confirmation = last.status == 'finished'
            idle = self.instance(self.server['id']).task_state is None
            over = idle and last.status in ENDED and not held
            return (waits_for_confirmation or over) and last

        return waits.until(look, 'the end of a move')

    def reset_state(self) -> None:
        """Do what an operator does with a server in ERROR that runs.

        Nova 34 leaves it so when libvirt fails to migrate it.
        """
        self._wait_for_server_parameter(
            self.server, {'status': 'ERROR'}, wait_for_fault_key=False
        )
        self.do('os-resetState', 'ACTIVE', {'state': 'active'})

    def fail_host(self, host: str, power: bool = True) -> None:
        """Let a host be lost.

        :param power: whether its power is; else it is only cut off, and its
            domains run on.
        """
        self.away.add(host)
        self.computes[host].stop()
        for domain in self.world.hosts[host].listAllDomains(0):
            if power and domain.isActive():
                domain.destroy()
        self.mark_down(host, True)

    def return_host(self, host: str) -> None:
        """Let a failed host come back, and start what ran before."""
        self.flags(resume_guests_state_on_host_boot=True)
        self.restart(host)
        self.mark_down(host, False)
        self.away.discard(host)

    def mark_down(self, host: str, down: bool) -> None:
        """Tell Nova, as an operator does, that a host is down, or not."""
        (service,) = self.admin_api.get_services(
            binary='nova-compute', host=host
        )
        self.admin_api.put_service_force_down(service['id'], down)

    def evacuate(self, host: str) -> None:
        """Evacuate the server to a host, and start it there.

        Nova starts one in ERROR by itself.
        """
        self.admin_api.post_server_action(self.server['id'], {'evacuate': {}})
        self.assertEqual('done', self.end_of_move().status)
        instance = self.instance(self.server['id'])
        self.assertEqual(host, instance.host)
        if instance.vm_state == 'stopped':
            self.do('os-start', 'ACTIVE')
