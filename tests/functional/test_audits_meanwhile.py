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
"""Audits while a server moves, and after its move has failed.

What a server runs on is counted, whatever claims Nova has left: else another
server gets its cores.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
from typing import Any

import fixtures
from nova import context as nova_context
from nova.compute import rpcapi
from nova.virt.libvirt import driver

from tests.functional import operations

#: As the server's, but for its minimum.
SPECS = {
    'hw:cpu_policy': 'dedicated',
    'hw:cpu_thread_policy': 'isolate',
    'hw:numa_nodes': '2',
    'wrs:min_vcpus': '2',
}


@contextlib.contextmanager
def once_before(method: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something before the driver's method is called the first time."""
    real = getattr(driver.LibvirtDriver, method)
    left = [act]

    def acting(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **kwargs)

    with fixtures.MonkeyPatch(operations.DRIVER + method, acting):
        yield


class AuditsMeanwhileTest(operations.OperationsBase):
    """Nothing is counted that is not used, and nothing less."""

    def fill(self, host: str, cores: int = 5) -> None:
        """Boot servers until each core of a host should have an owner.

        :param cores: which the server and the one beside it do not have.
        """
        for number in range(cores):
            server = self.boot(
                1,
                host=host,
                name='filler %d' % number,
                cpu_thread_policy='isolate',
            )
            self.assertEqual(host, self.instance(server['id']).host)

    def resize(self) -> dict[str, Any]:
        """Return what asks for a resize to another flavor of that size."""
        flavor = self._create_flavor(
            vcpu=4, memory_mb=256, disk=1, ephemeral=0, extra_spec=SPECS
        )
        return {'flavorRef': flavor}

    def stay_on(self, host: str) -> None:
        """Let only one host be there for resizes."""
        self.flags(allow_resize_to_same_host=True, host=host)
        for other in self.computes.keys() - {host}:
            self.mark_down(other, True)

    def fail_to_leave(self) -> None:
        """Fail as a resize to a smaller disk does, which rolls back."""
        with (
            operations.broken('migrate_disk_and_power_off', rolled_back=True),
            operations.cast('resize_instance'),
        ):
            self.attempt('resize', self.resize())
            self.assertEqual('error', self.end_of_move().status)
        self.audit()

    def test_after_a_resize_on_the_same_host_that_failed(self) -> None:
        self.stay_on('host1')
        self.fail_to_leave()
        self.fill('host1')
        self.assert_kept('host1')

    def test_a_server_scales_after_that(self) -> None:
        self.stay_on('host1')
        self.fail_to_leave()
        self.assert_still_scales()
        self.assert_agreement()

    def test_while_a_server_scales_after_a_resize_that_failed(self) -> None:
        self.fail_to_leave()
        self.fill('host2')
        before = self.states()[0]
        during = self.hosts_while_it_scales()
        self.assertEqual(before[1], during[1])
        self.assert_agreement()

    def test_while_it_is_resized_on_the_same_host(self) -> None:
        self.stay_on('host1')

        def meanwhile() -> None:
            self.audit()
            # Both its own two and the four that are claimed are taken.
            self.fill('host1', 1)

        with once_before('migrate_disk_and_power_off', meanwhile):
            self.do('resize', 'VERIFY_RESIZE', self.resize())
        self.assert_agreement()
        self.do('revertResize', 'ACTIVE')
        self.assert_kept('host1')

    def test_after_a_start_where_it_had_arrived_and_failed(self) -> None:
        """Its freed core is another's, and nova-compute begins anew."""
        with (
            operations.broken('finish_migration'),
            operations.cast('finish_resize'),
        ):
            self.attempt('migrate')
            self.assertEqual('error', self.end_of_move().status)
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        self.audit()
        connection = self.computes['host1'].driver._host.get_connection()
        connection.lookupByUUIDString(self.server['id']).undefine()
        self.scale_down(self.server, 1, 3)
        self.fill('host2')
        self.restart('host2')
        self.assert_kept('host2')

    def test_while_it_is_stopped_again_where_it_was_evacuated(self) -> None:
        """It is started and saved, and not yet the new host's."""

        def meanwhile() -> None:
            self.computes['host2'].manager.update_available_resource(
                nova_context.get_admin_context()
            )
            self.fill('host2')

        self.fail_host('host1')
        with once_before('power_off', meanwhile):
            self.evacuate('host2')
        self.return_host('host1')
        self.assert_kept('host2')

    def test_while_its_revert_is_on_its_way(self) -> None:
        """Nova casts; the old host may be about to start."""
        self.do('migrate', 'VERIFY_RESIZE')
        real = rpcapi.ComputeAPI.finish_revert_resize

        def later(*args: Any, **kwargs: Any) -> None:
            self.audit()
            self.fill('host1')
            real(*args, **kwargs)

        path = 'nova.compute.rpcapi.ComputeAPI.finish_revert_resize'
        with fixtures.MonkeyPatch(path, later):
            self.do('revertResize', 'ACTIVE')
        self.assertEqual('reverted', self.end_of_move().status)
        # The other host counts its claim until it looks again.
        self.audit()
        self.assert_kept('host1')
