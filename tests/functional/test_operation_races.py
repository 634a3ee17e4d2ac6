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
"""Nova's operations against scale requests: in both orders, and at once.

The one that comes second is refused at once, with 409, and all agree.
``NOVA_EXT_RACES=20`` lets each pair race so many times.
"""

from collections.abc import Callable
from dataclasses import dataclass
import os
import threading
import time
from typing import Any

from nova.compute import vm_states

from tests.functional import agreement
from tests.functional.walk import cloud

#: How often each operation races.
TIMES = int(os.environ.get('NOVA_EXT_RACES', '1'))

#: Seconds within which a refusal comes; waiting for the other takes longer.
AT_ONCE = 3.0


@dataclass(frozen=True)
class Operation:
    """An operation of Nova, and how to get back from it.

    :ivar ends: the ``vm_state`` that the server ends in.
    :ivar back: the action that makes it active again, empty for none.
    """

    action: str
    argument: Any = None
    ends: str = vm_states.ACTIVE
    back: str = ''


def operations(flavors: dict[str, str]) -> list[Operation]:
    """Return the operations that a claimed server refuses."""
    return [
        Operation('pause', None, vm_states.PAUSED, 'unpause'),
        Operation('os-stop', None, vm_states.STOPPED, 'os-start'),
        Operation('reboot', {'type': 'HARD'}),
        Operation('rebuild', {'imageRef': cloud.OTHER_IMAGE}),
        Operation('os-migrateLive', {'host': None, 'block_migration': 'auto'}),
        Operation('migrate', None, vm_states.RESIZED, 'revertResize'),
        Operation(
            'resize',
            {'flavorRef': flavors['high minimum']},
            vm_states.RESIZED,
            'revertResize',
        ),
    ]


#: Like a deletion it asks for no task state, and always wins.
EVACUATION = Operation('evacuate', {}, vm_states.STOPPED, 'os-start')


class OperationRacesTest(cloud.Cloud):
    """A server at three of four vCPUs."""

    #: The caller of an operation does not wait for its end.
    CAST_AS_CALL = False

    def setUp(self) -> None:
        super().setUp()
        self.begin()
        self.operations = operations(self.flavors)
        self.uuid = self._create()
        self.create('beside', 'isolated', 'host1')

    def _create(self) -> str:
        uuid = self.create('races', 'realtime', None)
        self._scale('down', uuid)
        return uuid

    # -- what happens ------------------------------------------------------

    def _scale(self, direction: str, uuid: str = '') -> int:
        status, _ = self.scale({'id': uuid or self.uuid}, direction)
        return status

    def _operate(self, operation: Operation) -> int:
        status, _ = self.ask(
            'POST',
            '/servers/%s/action' % self.uuid,
            {operation.action: operation.argument},
            self.admin_api,
        )
        return status

    def _prepare(self, operation: Operation) -> str:
        """Make an operation possible; return the server's host."""
        host: str = self.instance(self.uuid).host
        if operation.action == 'evacuate':
            # Only cut off: it still answers whoever asks it.
            self.mark_down(host, True)
        return host

    def _get_back(self, operation: Operation, host: str) -> None:
        """Wait for the end of an operation, if it was, and undo it."""
        state = self.wait(self.uuid)
        if operation.action == 'evacuate':
            self.restart(host)
            self.settle()
            self.mark_down(host, False)
        if operation.back and state == operation.ends:
            status, text = self.ask(
                'POST',
                '/servers/%s/action' % self.uuid,
                {operation.back: None},
                self.admin_api,
            )
            self.assertEqual(202, status, text)
        self.wait(self.uuid, vm_states.ACTIVE)

    def _assert_agreement(self, operation: str) -> None:
        """All agree soon, at the latest after an audit."""
        self.settle()
        self.audit()
        hosts, servers, kept = self.states()
        found = agreement.disagreements(hosts, servers, kept=kept)
        self.assertEqual([], found, operation)

    # -- the races ---------------------------------------------------------

    def test_scaling_comes_first(self) -> None:
        """Each operation is refused while the host waits for the guest."""
        guest = self.guest({'id': self.uuid})
        for direction in ('up', 'down'):
            for operation in self.operations:
                refused: list[tuple[int, float]] = []

                def meanwhile(operation: Operation = operation) -> None:
                    guest.meanwhile = None
                    began = time.monotonic()
                    status = self._operate(operation)
                    refused.append((status, time.monotonic() - began))

                guest.meanwhile = meanwhile
                answer = self.scale({'id': self.uuid}, direction)
                self.assertEqual((202, ''), answer, operation)
                ((status, spent),) = refused
                self.assertEqual(409, status, operation)
                self.assertLess(spent, AT_ONCE, operation)
                self._scale('down' if direction == 'up' else 'up')
            self._assert_agreement(direction)
            self._scale('down')

    def test_an_evacuation_ends_a_scale_request(self) -> None:
        """Whoever starts one knows that the host is lost.

        A step up had its core by then, and goes with the server.
        """
        guest = self.guest({'id': self.uuid})
        hosts: list[str] = []

        def meanwhile() -> None:
            guest.meanwhile = None
            hosts.append(self._prepare(EVACUATION))
            self.assertEqual(200, self._operate(EVACUATION))

        for direction, wanted in (('up', 202), ('down', 409)):
            guest.meanwhile = meanwhile
            status, text = self.scale({'id': self.uuid}, direction)
            self.assertEqual(wanted, status, text)
            if wanted == 409:
                self.assertIn('ended by another operation', text)
            self._get_back(EVACUATION, hosts.pop())
            self._assert_agreement(direction)
            last = self.last_request({'id': self.uuid})
            state = 'done' if wanted == 202 else 'failed'
            self.assertEqual(state, last['state'])

    def test_the_operation_comes_first(self) -> None:
        """Scaling is refused at every effect that an operation has."""
        for operation in (*self.operations, EVACUATION):
            host = self._prepare(operation)
            refused: list[tuple[int, float]] = []

            def meanwhile(name: str) -> None:
                # What the request itself does is no reason for another.
                if not busy.acquire(blocking=False):
                    return
                try:
                    if self.task(self.uuid) is not None:
                        began = time.monotonic()
                        status = self._scale('down')
                        refused.append((status, time.monotonic() - began))
                finally:
                    busy.release()

            busy = threading.Lock()
            self.world.effects.meanwhile = meanwhile
            self.assertLess(self._operate(operation), 300, operation)
            self.wait(self.uuid, operation.ends)
            self.world.effects.meanwhile = None
            self.assertLessEqual(
                {status for status, _ in refused}, self._refusals(operation)
            )
            slowest = max(spent for _, spent in refused)
            self.assertLess(slowest, AT_ONCE, operation)
            self._get_back(operation, host)
            self._assert_agreement(operation.action)

    def test_both_at_once(self) -> None:
        """One of them wins, or one after the other."""
        for operation in (*self.operations, EVACUATION):
            for number in range(TIMES):
                host = self._prepare(operation)
                online = self.vcpus({'id': self.uuid})[1]
                direction = 'down' if online > 2 else 'up'
                statuses = self._at_once(
                    lambda: self._operate(operation),
                    lambda: self._scale(direction),
                )
                self._assert_one_won(statuses, operation)
                self._get_back(operation, host)
                self._assert_agreement('%s %d' % (operation.action, number))

    def test_deletion_at_once(self) -> None:
        """A deletion always wins, and nothing is left."""
        for number in range(TIMES):
            statuses = self._at_once(self._delete, lambda: self._scale('down'))
            self.assertEqual(204, statuses[0])
            self.assertIn(statuses[1], (202, 404, 409))
            self.wait(self.uuid, vm_states.DELETED)
            self._assert_agreement('deletion %d' % number)
            self.uuid = self._create()

    def _delete(self) -> int:
        return int(
            self.admin_api.api_request(
                '/servers/%s' % self.uuid, method='DELETE'
            ).status_code
        )

    def _at_once(self, *works: Callable[[], int]) -> list[int]:
        """Do things at once; return what each came to."""
        start = threading.Barrier(len(works))
        statuses = [0] * len(works)

        def work(number: int) -> None:
            start.wait(10)
            statuses[number] = works[number]()

        threads = [
            threading.Thread(target=work, args=(number,))
            for number in range(len(works))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return statuses

    def _refusals(self, operation: Operation) -> set[int]:
        """Return how scaling is refused; a host that is down cannot do it."""
        return {409, 503} if operation.action == 'evacuate' else {409}

    def _assert_one_won(
        self, statuses: list[int], operation: Operation
    ) -> None:
        operated, scaled = statuses
        self.assertIn(operated, (200, 202, 204, 409), operation)
        self.assertIn(scaled, {202, *self._refusals(operation)}, operation)
        self.assertTrue(operated < 300 or scaled < 300, operation)
