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
"""Two hosts and three servers, whose services are kept for many walks."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import logging
import os
import time
from typing import Any

import fixtures
from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova.compute import vm_states
from nova.tests.functional.api import client as api_client
from nova.virt import event
from oslo_concurrency import lockutils
from sqlalchemy import pool

from nova_ext.api import views
from nova_ext.conf import CONF
from tests.functional import base
from tests.functional import operations
from tests.functional.fakes import snapshots

HOSTS = ('host1', 'host2')
#: Of each of a host's two NUMA nodes: enough for a server that moves, but not
#: always.
CORES = 5
#: The states of a migration that nothing works on.
ENDED = (
    'finished',
    'completed',
    'done',
    'confirmed',
    'reverted',
    'error',
    'failed',
    'cancelled',
)
#: Seconds until whatever was asked for must be over.
LIMIT = 60.0

IMAGE = '155d900f-4e14-4e4c-a73d-069cbf4541e6'
#: One to rebuild a server with.
OTHER_IMAGE = 'a2459075-d96c-40d5-893e-577ff92e721c'

#: The flavors: vCPUs, minimum, and extra specs below ``hw:``.
FLAVORS: dict[str, tuple[int, int | None, dict[str, str]]] = {
    'realtime': (
        4,
        1,
        {
            'numa_nodes': '1',
            'cpu_realtime': 'yes',
            'cpu_realtime_mask': '^0',
        },
    ),
    'two cells': (4, 2, {'numa_nodes': '2'}),
    'isolated': (
        3,
        1,
        {'numa_nodes': '1', 'cpu_thread_policy': 'isolate'},
    ),
    'high minimum': (4, 3, {'numa_nodes': '1'}),
    'many': (6, 2, {'numa_nodes': '2'}),
    'not scalable': (2, None, {'numa_nodes': '1'}),
}

#: The servers of a new walk: name, flavor and host.
SERVERS = (
    ('a', 'realtime', 'host1'),
    ('b', 'two cells', 'host2'),
    ('c', 'isolated', 'host1'),
)


@dataclass(frozen=True)
class Seen:
    """A server as its row in the database has it.

    :ivar vm_state: ``nova.compute.vm_states``; 'deleted' without a row.
    """

    name: str
    uuid: str
    vm_state: str
    host: str | None


class Cloud(base.ScalingTestBase):
    """The services and what a walk asks of them.

    Not a test: :meth:`start` and :meth:`stop` take the place of a runner.
    """

    def runTest(self) -> None:
        """Never run; ``unittest`` wants a name."""

    def setUp(self) -> None:
        """Start all services but the hosts."""
        # Nova's tests open the files of their databases for each query, and
        # that takes a third of the time.
        self.useFixture(
            fixtures.MonkeyPatch('sqlalchemy.pool.NullPool', pool.QueuePool)
        )
        super().setUp()

    @classmethod
    def start(cls) -> 'Cloud':
        """Start all services and two hosts."""
        cloud = cls('runTest')
        try:
            cloud.setUp()
            cloud.begin()
        except BaseException:
            cloud.stop()
            raise
        return cloud

    def begin(self) -> None:
        """Start the hosts, and make the flavors."""
        # Nova's own answer about a rebuilt server that is off does not pass;
        # and the checks take time.
        self.flags(response_validation='ignore', group='api')
        self.flags(resume_guests_state_on_host_boot=True)
        self.flags(running_deleted_instance_timeout=0)
        # Nova's tests do not know what a force-delete without host notifies.
        self.useFixture(
            fixtures.MonkeyPatch(
                'nova.rpc.LegacyValidatingNotifier.fatal', False
            )
        )
        self.useFixture(snapshots.Snapshots(self.glance))
        # Nova's fixture formats each line of debugging, to check it.
        logging.getLogger().setLevel(logging.WARNING)
        self.start_hosts(*HOSTS, cores=CORES)
        self.flavors = {
            name: self._flavor(*given) for name, given in FLAVORS.items()
        }

    def stop(self) -> None:
        """End all services, and undo what Nova's fixtures did."""
        self.doCleanups()

    def _flavor(
        self, vcpus: int, minimum: int | None, extra: dict[str, str]
    ) -> str:
        specs = {'hw:' + key: value for key, value in extra.items()}
        specs['hw:cpu_policy'] = 'dedicated'
        if minimum is not None:
            specs['hw:wrs:min_vcpus'] = str(minimum)
        flavor: str = self._create_flavor(
            vcpu=vcpus, memory_mb=256, disk=1, ephemeral=0, extra_spec=specs
        )
        return flavor

    # -- hosts -------------------------------------------------------------

    fail_host = operations.OperationsBase.fail_host
    mark_down = operations.OperationsBase.mark_down
    prepare_abort = operations.OperationsBase.prepare_abort

    def return_host(self, host: str) -> None:
        """Let a lost host come back, and reap what was deleted meanwhile."""
        operations.OperationsBase.return_host(self, host)
        self.computes[host].manager._cleanup_running_deleted_instances(
            nova_context.get_admin_context()
        )

    def power_off(self, host: str) -> None:
        """Let all domains of a host end."""
        for domain in self.world.hosts[host].listAllDomains(0):
            if domain.isActive():
                domain.destroy()

    def undefine(self, server: Seen) -> None:
        """Remove, as an operator does, what a server left on its old host."""
        host = self.world.hosts[server.host]
        host.lookupByUUIDString(server.uuid).undefine()

    @contextlib.contextmanager
    def as_its_host(self, server: Seen) -> Iterator[None]:
        """Let Nova find a server to be on the host that it runs on itself.

        All hosts share one configuration here, and Nova's driver looks there
        when the resize of a server is confirmed.
        """
        before = CONF.host
        self.flags(host=server.host)
        try:
            yield
        finally:
            self.flags(host=before)

    # -- servers -----------------------------------------------------------

    def create(
        self, name: str, flavor: str, host: str | None, image: str = IMAGE
    ) -> str:
        """Create a server; return its uuid when it runs or has failed.

        :param flavor: a key of ``FLAVORS``.
        """
        body = {
            'name': name,
            'imageRef': image,
            'flavorRef': self.flavors[flavor],
            'networks': 'none',
        }
        if host is not None:
            body['host'] = host
        uuid: str = self.admin_api.post_server({'server': body})['id']
        # Nova's tests make no disks, and a rescue keeps a file beside them.
        os.makedirs(os.path.join(CONF.instances_path, uuid), exist_ok=True)
        self.wait(uuid, vm_states.ACTIVE, vm_states.ERROR)
        return uuid

    def delete(self, uuid: str, force: bool = False) -> None:
        """Delete a server in whatever state, and wait until it is gone."""
        try:
            if force:
                self.admin_api.post_server_action(uuid, {'forceDelete': None})
            else:
                self.admin_api.delete_server(uuid)
        except api_client.OpenStackApiNotFoundException:
            return
        self.wait(uuid, vm_states.DELETED)

    def offline(self, uuid: str) -> set[int]:
        """Return which vCPUs the record or the guest has offline."""
        instance = self.instance(uuid)
        guest = self.world.guests[instance.name]
        everything = set(range(instance.flavor.vcpus))
        return (everything - guest.online) | views.offline_vcpus(instance)

    def image(self, name: str) -> str | None:
        """Return the id of the newest image of a name."""
        context = nova_context.get_admin_context()
        found = [
            image['id']
            for image in self.glance.detail(context)
            if image['name'] == name
        ]
        return found[-1] if found else None

    def seen(self, uuid: str, name: str) -> Seen:
        """Return how a server stands."""
        instance = self._read(uuid)
        if instance is None:
            return Seen(name, uuid, vm_states.DELETED, None)
        return Seen(name, uuid, instance.vm_state, instance.host)

    def _read(self, uuid: str) -> Any:
        """Return the instance, None if there is none (any more)."""
        context = nova_context.get_admin_context()
        try:
            return objects.Instance.get_by_uuid(
                context, uuid, expected_attrs=[]
            )
        except nova_exception.InstanceNotFound:
            return self._read_unscheduled(context, uuid)

    def _read_unscheduled(self, context: Any, uuid: str) -> Any:
        """Return an instance that no host was found for."""
        found = objects.InstanceMappingList.get_by_instance_uuids(
            context, [uuid]
        )
        for mapping in found:
            if mapping.cell_mapping and mapping.cell_mapping.is_cell0():
                with nova_context.target_cell(
                    context, mapping.cell_mapping
                ) as in_cell0:
                    there = objects.InstanceList.get_by_filters(
                        in_cell0, {'uuid': [uuid], 'deleted': False}
                    )
                    return there[0] if there else None
        return None

    def wait(self, uuid: str, *states: str) -> str:
        """Wait until no operation runs on a server.

        :param states: the ``vm_state`` it may end in; none for any.
        :returns: which it is.
        """
        deadline = time.monotonic() + LIMIT
        while True:
            instance = self._read(uuid)
            state = instance.vm_state if instance else vm_states.DELETED
            task = instance.task_state if instance else None
            wanted = not states or state in states
            if state == vm_states.DELETED:
                # Nova says so before it removes what is the server's.
                wanted = wanted and instance is None and _is_let_go(uuid)
            if wanted and task is None and not self._moving(uuid):
                return state
            if time.monotonic() > deadline:
                raise AssertionError(
                    'server %s is %s, task %s, after %d s; wanted is %s'
                    % (uuid, state, task, LIMIT, states)
                )
            time.sleep(0.03)

    def hear_of_the_end(self, server: Seen) -> None:
        """Let a host hear from libvirt that a domain has ended."""
        self.computes[server.host].manager.handle_events(
            event.LifecycleEvent(server.uuid, event.EVENT_LIFECYCLE_STOPPED)
        )

    def is_idle(self, uuid: str) -> bool:
        """Return whether no operation runs on a server."""
        return not self.task(uuid) and not self._moving(uuid)

    def task(self, uuid: str) -> str | None:
        """Return a server's ``task_state``."""
        instance = self._read(uuid)
        return instance.task_state if instance else None

    def _moving(self, uuid: str) -> bool:
        """Return whether a migration of a server has not ended.

        One that waits for its confirmation has.
        """
        found = objects.MigrationList.get_by_filters(
            nova_context.get_admin_context(), {'instance_uuid': uuid}
        )
        return any(one.status not in ENDED for one in found)


def _is_let_go(uuid: str) -> bool:
    """Return whether no nova-compute holds its lock on a server."""
    try:
        with lockutils.lock(uuid, 'nova-', blocking=False):
            return True
    except lockutils.AcquireLockFailedException:
        return False
