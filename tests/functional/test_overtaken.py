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
"""Scale requests that something overtakes: an older copy, a host's death."""

import contextlib
from dataclasses import replace
import types
from typing import Any

import fixtures
from nova import context as nova_context
from nova.db.main import api as db
from oslo_concurrency import lockutils

from nova_ext.compute import endpoint
from nova_ext.model import record
from tests.functional import operations
from tests.functional.fakes.effects import Killed

#: Nova's lock on the resources of a host.
LOCK = 'compute_resources'


def pins_of(instance: Any) -> list[dict[int, int]]:
    return [dict(cell.cpu_pinning) for cell in instance.numa_topology.cells]


def offline_of(instance: Any) -> frozenset[int]:
    return record.offline_of(instance.system_metadata)


class OlderCopyTest(operations.OperationsBase):
    """nova-api reads a server, a request changes it, and nova-api saves it.

    Every save writes the NUMA topology that the copy was loaded with, if that
    is one of Nova's own claims.
    """

    def setUp(self) -> None:
        super().setUp()
        # The only one that is neither vCPU 0 nor the last of its cell, once
        # there is one more.
        self.guest(self.server).picks(1)

    def overwrite(self, direction: str) -> None:
        """Save a copy that was read before a scale request."""
        copy = self.instance(self.server['id'])
        self.assert_scales(self.server, direction, cores=2)
        now = self.pins()
        copy.numa_topology = copy.numa_topology
        copy.display_name = copy.display_name + '.'
        copy.save()
        self.assertNotEqual(now, self.pins())

    def pins(self) -> list[dict[int, int]]:
        return pins_of(self.instance(self.server['id']))

    def test_an_audit_puts_the_pins_back(self) -> None:
        for direction in ('up', 'down'):
            self.overwrite(direction)
            self.audit()
            self.assert_agreement()
            self.assert_bystanders()

    def test_no_domain_is_made_of_the_older_pins(self) -> None:
        """They may be another server's by now."""
        self.scale(self.server, 'up')
        self.overwrite('down')
        self.boot(2, name='next', cpu_thread_policy='isolate')
        self.do('reboot', 'ACTIVE', {'type': 'HARD'})
        self.audit()
        self.assert_kept()

    def test_it_stays_scaled_down_where_it_goes(self) -> None:
        self.scale(self.server, 'up')
        self.overwrite('down')
        self.live_migrate()
        self.assert_kept('host2')

    def test_the_next_request_starts_from_the_right_pins(self) -> None:
        self.overwrite('up')
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.assert_agreement()


class CutOffHostTest(operations.OperationsBase):
    """The host is only cut off, and goes on after its server has left.

    The hosts of a test share a process, and so Nova's locks, which would let
    the new host wait for the old one.
    """

    CAST_AS_CALL = False

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch(
                'nova_ext.compute.scaler.lockutils',
                types.SimpleNamespace(
                    lock=lambda *args: contextlib.nullcontext()
                ),
            )
        )
        # The pins of the two hosts differ.
        self.boot(
            2,
            host='host2',
            name='other',
            numa_nodes='1',
            cpu_thread_policy='isolate',
        )
        self.guest(self.server).picks(1)

    def test_an_evacuation_that_has_ended(self) -> None:
        host = 'host1'
        for direction, wanted in (('up', 202), ('down', 409)):
            topology = self.scale_and_be_evacuated(direction, wanted)
            now = self.instance(self.server['id'])
            self.assertNotEqual(host, now.host)
            self.assertEqual(topology, pins_of(now))
            self.settle()
            self.restart(host)
            self.mark_down(host, False)
            self.do('os-start', 'ACTIVE')
            self.settle()
            self.audit()
            self.assert_agreement()
            self.assert_bystanders()
            self.assert_last_request_is_true(self.server)
            host = now.host

    def scale_and_be_evacuated(self, direction: str, wanted: int) -> Any:
        """Scale while the server is evacuated; return its new pins."""
        guest = self.guest(self.server)
        found = []

        def meanwhile() -> None:
            guest.meanwhile = None
            self.mark_down(self.instance(self.server['id']).host, True)
            self.attempt('evacuate', {})
            self.assertEqual('done', self.end_of_move().status)
            found.append(pins_of(self.instance(self.server['id'])))

        before = pins_of(self.instance(self.server['id']))
        guest.meanwhile = meanwhile
        status, text = self.scale(self.server, direction)
        self.assertEqual(wanted, status, text)
        self.assertNotEqual(before, found[0])
        return found.pop()


class OwnMigrationTest(operations.OperationsBase):
    """Nova's migrations begin with the task state that scaling has, too."""

    def test_an_audit_in_the_middle_of_one(self) -> None:
        """An earlier request has left its journal, and wrong allocations."""
        instance = self.instance(self.server['id'])
        kept = record.ScaleRecord.from_metadata(instance.system_metadata)
        instance.system_metadata = record.merge(
            instance.system_metadata,
            replace(kept, journal=record.Journal('down')),
        )
        instance.save()
        seen: list[str | None] = []

        def meanwhile(name: str) -> None:
            if seen or name != 'save migration' or task() != 'resize_prep':
                return
            # Else this thread is to let an audit do its work first.
            if not lockutils.internal_fair_lock(LOCK).is_writer():
                seen.append(task())
                self.audit_here('host1')
                seen.append(task())

        def task() -> Any:
            return self.instance(self.server['id']).task_state

        self.world.effects.meanwhile = meanwhile
        self.attempt('migrate')
        self.assertEqual('finished', self.end_of_move().status)
        self.world.effects.meanwhile = None
        self.assertEqual(['resize_prep'] * 2, seen)
        self.do('revertResize', 'ACTIVE')
        self.settle()
        self.audit()
        self.assert_kept()

    def audit_here(self, host: str) -> None:
        compute = self.computes[host]
        context = nova_context.get_admin_context()
        compute.manager.update_available_resource(context)
        compute.driver._scaler.recharge(context, [self.server['id']])
        compute.driver._scaler.wait(60)


class DyingBase(operations.OperationsBase):
    """A host that dies in the middle of a request."""

    def number_of(self, direction: str, effect: str, nth: int = 1) -> int:
        """Return the number of an effect in a step, which is then undone."""
        self.world.effects.record()
        self.assertEqual((202, ''), self.scale(self.server, direction))
        log = self.world.effects.stop()
        found = [at for at, one in enumerate(log, 1) if one == effect]
        back = 'up' if direction == 'down' else 'down'
        self.assertEqual((202, ''), self.scale(self.server, back))
        return found[nth - 1]

    def scale_and_die(self, direction: str, number: int) -> None:
        host = self.instance(self.server['id']).host
        served = endpoint.ScalingEndpoint(self.computes[host].driver._scaler)
        self.world.effects.kill_before(number)
        with self.assertRaises(Killed):
            served.scale(
                nova_context.get_admin_context(),
                instance=self.instance(self.server['id']),
                direction=direction,
                target=None,
                wait=True,
            )
        self.assertTrue(self.world.effects.revive())


class HalfSavedTest(DyingBase):
    """A switch saves the pins before the record, and dies in between."""

    def setUp(self) -> None:
        super().setUp()
        method = db.instance_update_and_get_original

        def update(*args: Any, **kwargs: Any) -> Any:
            self.world.effects.happens('save row')
            return method(*args, **kwargs)

        self.useFixture(
            fixtures.MonkeyPatch(
                'nova.db.main.api.instance_update_and_get_original', update
            )
        )
        for _ in range(2):
            self.assertEqual((202, ''), self.scale(self.server, 'up'))

    def test_recovery_goes_by_the_pins(self) -> None:
        for vcpu in (1, 2, 3):
            for direction, online in (('down', 3), ('up', 4)):
                self.guest(self.server).picks(vcpu)
                # The claim, the switch, the end.
                number = self.number_of(direction, 'save row', 2)
                before = self.instance(self.server['id'])
                self.scale_and_die(direction, number)
                self.guest(self.server).picks(None)
                after = self.instance(self.server['id'])
                self.assertNotEqual(pins_of(before), pins_of(after))
                self.assertEqual(offline_of(before), offline_of(after))
                self.restart('host1')
                self.settle()
                self.audit()
                self.assert_agreement()
                self.assert_bystanders()
                self.assertEqual([1, online, 4], self.vcpus(self.server))
                self.assert_last_request_is_true(self.server)

    def test_the_host_lives_and_undoes_it(self) -> None:
        """Its tracker has counted nothing; the end saves the pins again."""
        self.guest(self.server).picks(2)
        for direction, online in (('down', 4), ('up', 3)):
            before = pins_of(self.instance(self.server['id']))
            error = OSError('expected by the test')
            self.world.effects.fail('save row', error, start=2, times=1)
            self.assertEqual(503, self.scale(self.server, direction)[0])
            self.world.effects.heal()
            self.assertEqual(before, pins_of(self.instance(self.server['id'])))
            self.assert_agreement()
            self.assertEqual([1, online, 4], self.vcpus(self.server))
            if direction == 'down':
                self.assertEqual((202, ''), self.scale(self.server, 'down'))


class DeadHostTest(DyingBase):
    """The server is evacuated then."""

    def test_between_two_steps(self) -> None:
        hosts = ['host1', 'host2']
        self.guest(self.server).picks(1)
        for direction, effect, online in (
            ('up', 'pin', 3),
            ('down', 'pin', 3),
            ('down', 'placement', 2),
        ):
            number = self.number_of(direction, effect)
            self.scale_and_die(direction, number)
            self.fail_host(hosts[0])
            self.evacuate_unfinished(hosts[1])
            self.return_host(hosts[0])
            self.audit()
            self.assert_agreement()
            self.assert_bystanders()
            self.assertEqual([1, online, 4], self.vcpus(self.server))
            self.assert_last_request_is_true(self.server)
            hosts.reverse()

    def evacuate_unfinished(self, host: str) -> None:
        self.attempt('evacuate', {})
        self.assertEqual('done', self.end_of_move().status)
        self.assertEqual(host, self.instance(self.server['id']).host)
        self.do('os-start', 'ACTIVE')
