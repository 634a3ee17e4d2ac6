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
"""Audits of all hosts whenever an operation has an effect.

Nova's moves write what audits read in several steps, of which some leave a
server's cores to nobody. No core of a running domain may be free for others.
"""

import threading
from typing import Any

from nova import context as nova_context
from nova.compute import vm_states
from oslo_concurrency import lockutils

from tests.functional import agreement
from tests.functional import observe
from tests.functional.walk import cloud

#: Seconds for an audit; one that waits for the operation takes longer.
PATIENCE = 5.0
#: Seconds for the last audit of an operation that has ended.
LAST_AUDIT = 60.0


class AuditsAtEachEffectTest(cloud.Cloud):
    """A server at two of four vCPUs, and one beside it on each host."""

    CAST_AS_CALL = False

    def setUp(self) -> None:
        super().setUp()
        self.begin()
        self.uuid = self.create_scaled('moves', 'realtime', 'host1', 2)
        self.create_scaled('beside 1', 'two cells', 'host1', 1)
        self.create_scaled('beside 2', 'isolated', 'host2', 1)
        #: Held by what audits: effects come from several threads.
        self.auditing = threading.Lock()
        self.audits = 0
        self.found: list[str] = []

    def create_scaled(
        self, name: str, flavor: str, host: str, steps: int
    ) -> str:
        uuid = self.create(name, flavor, host)
        for _ in range(steps):
            self.assertEqual((202, ''), self.scale({'id': uuid}, 'down'))
        return uuid

    def audit_all(self) -> None:
        for host, compute in self.computes.items():
            if host not in self.away:
                compute.manager.update_available_resource(
                    nova_context.get_admin_context()
                )

    def meanwhile(self, effect: str) -> None:
        """Audit, but not where the operation or an audit is in the way."""
        if lockutils.internal_fair_lock('compute_resources').is_writer():
            return
        if not self.auditing.acquire(blocking=False):
            return
        audit = threading.Thread(target=self.audit_and_release)
        audit.start()
        audit.join(PATIENCE)
        if not audit.is_alive():
            self.audits += 1
            self.found += [
                '%s, before %s: %s' % (self.operation, effect, one)
                for one in self.free_cores()
            ]

    def audit_and_release(self) -> None:
        try:
            self.audit_all()
        finally:
            self.auditing.release()

    def free_cores(self) -> list[str]:
        """Say which cores of running domains are free for others."""
        found = []
        for host, compute in self.computes.items():
            tracked = observe.pinned_cores(compute)
            for domain in self.world.hosts[host].listAllDomains(0):
                if host not in self.away and domain.isActive():
                    pins = observe.pins_in(domain.XMLDesc(0))
                    free = frozenset().union(*pins.values()) - tracked
                    if free:
                        found.append(
                            '%s of %s are free on %s'
                            % (sorted(free), domain.name(), host)
                        )
        return found

    def do(self, action: str, end: str, argument: Any = None) -> None:
        """Do one operation, with audits, and compare all at its end."""
        self.operation = action
        path = '/servers/%s/action' % self.uuid
        before = self.audits
        self.world.effects.meanwhile = self.meanwhile
        status, text = self.ask(
            'POST', path, {action: argument}, self.admin_api
        )
        self.assertLess(status, 300, text)
        self.wait(self.uuid, end)
        self.world.effects.meanwhile = None
        self.assertLess(before, self.audits)
        self.assertTrue(self.auditing.acquire(timeout=LAST_AUDIT))
        try:
            self.compare()
        finally:
            self.auditing.release()

    def compare(self) -> None:
        # An audit that ran amidst the end of a move may have counted a claim.
        self.audit_all()
        self.settle()
        hosts, servers, kept = self.states()
        self.found += [
            'after %s: %s' % (self.operation, one)
            for one in agreement.disagreements(hosts, servers, kept=kept)
        ]

    def assert_nothing_found(self) -> None:
        self.assertEqual([], self.found)
        self.assertNotIn('Error updating resources', self.stdlog.logger.output)

    def test_moves_to_another_host(self) -> None:
        live = {'host': None, 'block_migration': 'auto'}
        self.do('os-migrateLive', vm_states.ACTIVE, live)
        self.flags(shelved_offload_time=0)
        self.do('shelve', vm_states.SHELVED_OFFLOADED)
        self.do('unshelve', vm_states.ACTIVE)
        self.do('migrate', vm_states.RESIZED)
        self.do('confirmResize', vm_states.ACTIVE)
        self.assert_nothing_found()

    def test_reverts(self) -> None:
        resize = {'flavorRef': self.flavors['high minimum']}
        for action, argument in (('migrate', None), ('resize', resize)):
            self.do(action, vm_states.RESIZED, argument)
            self.do('revertResize', vm_states.ACTIVE)
        self.assert_nothing_found()

    def test_resizes_on_the_same_host(self) -> None:
        self.flags(allow_resize_to_same_host=True, host='host1')
        self.mark_down('host2', True)
        resize = {'flavorRef': self.flavors['high minimum']}
        for end in ('revertResize', 'confirmResize'):
            self.do('resize', vm_states.RESIZED, resize)
            self.do(end, vm_states.ACTIVE)
        self.assert_nothing_found()

    def test_an_evacuation(self) -> None:
        self.fail_host('host1', True)
        self.do('evacuate', vm_states.STOPPED, {})
        self.return_host('host1')
        self.assert_nothing_found()

    def test_where_it_is(self) -> None:
        other = {'imageRef': cloud.OTHER_IMAGE}
        self.do('rebuild', vm_states.ACTIVE, other)
        self.do('reboot', vm_states.ACTIVE, {'type': 'HARD'})
        self.assert_nothing_found()
