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
"""The steps that scale a server, and what they must come to."""

from hypothesis import stateful
from hypothesis import strategies as st
from nova.compute import vm_states

from tests.functional.agreement import ServerState
from tests.functional.walk import cloud
from tests.functional.walk.cloud import Seen
from tests.functional.walk.machine import WHICH
from tests.functional.walk.machine import Machine
from tests.functional.walk.machine import when

DIRECTIONS = st.sampled_from(['down', 'up'])


class Scaling(Machine):
    """Scale requests: good ones, impossible ones, and bad guests."""

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH, wise=st.booleans())
    def scale_down(self, which: int, wise: bool) -> None:
        """Ask for one vCPU less; the guest chooses, wisely or as always."""
        server = self.pick(which, vm_states.ACTIVE)
        before = self.servers[server.name]
        choices = self._choices(before)
        chosen = max(choices if wise and choices else before.online)
        guest = self.cloud.guest({'id': server.uuid})
        guest.picks(chosen)
        self._scale(server, 'down', chosen in choices)
        guest.picks(None)

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH)
    def scale_up(self, which: int) -> None:
        """Ask for one vCPU more."""
        server = self.pick(which, vm_states.ACTIVE)
        possible = self._possible(self.servers[server.name], 'up')
        self._scale(server, 'up', possible)

    def _scale(self, server: Seen, direction: str, possible: bool) -> None:
        before = self.servers[server.name]
        how = direction if possible else direction + ', out of bounds'
        with self.step('scale ' + how, server):
            status, text = self.cloud.scale({'id': server.uuid}, direction)
            self.must('accepted (%s)' % text, possible, status == 202)
        steps = {'up': 1, 'down': -1}[direction] if possible else 0
        self.must('online', len(before.online) + steps, self._online(server))

    @when(vm_states.ACTIVE)
    @stateful.rule(which=WHICH, count=st.integers(1, 4))
    def scale_to(self, which: int, count: int) -> None:
        """Ask for a count of vCPUs, which may be out of reach."""
        server = self.pick(which, vm_states.ACTIVE)
        before = self.servers[server.name]
        with self.step('scale to', server, str(count)):
            status, _ = self.cloud.ask(
                'PUT',
                '/servers/%s/vcpu-scale' % server.uuid,
                {'vcpu_scale': {'online': count}},
            )
            self.cloud.settle()
        reached, origin = self._online(server), len(before.online)
        if status == 202:
            # What the guest chooses on the way down may be rejected.
            wanted = range(count, max(count, origin) + 1)
            last = self.cloud.last_request({'id': server.uuid})
            self.must('said', reached, last['reached'])
            self.must('done', reached == count, last['state'] == 'done')
        else:
            wanted = range(origin, origin + 1)
        self.must('%d, of %s' % (reached, wanted), True, reached in wanted)

    @when(vm_states.ACTIVE)
    @stateful.rule(
        which=WHICH,
        direction=DIRECTIONS,
        fault=st.sampled_from(['refuses', 'is_silent', 'dies_after']),
    )
    def scale_with_a_bad_guest(
        self, which: int, direction: str, fault: str
    ) -> None:
        """Scale while the guest fails; the next audit makes it good."""
        server = self.pick(which, vm_states.ACTIVE)
        possible = self._possible(self.servers[server.name], direction)
        if not possible:
            return
        before = self.servers[server.name]
        guest = self.cloud.guest({'id': server.uuid})
        with self.step('scale %s, guest %s' % (direction, fault), server):
            getattr(guest, fault)('down', 'up')
            status, _ = self.cloud.scale({'id': server.uuid}, direction)
            getattr(guest, fault)()
            self.must('refused', True, status >= 400)
            self.audit_all()
        self.must('online', len(before.online), self._online(server))

    def _online(self, server: Seen) -> int:
        return len(self.servers[server.name].online)

    def _possible(self, state: ServerState, direction: str) -> bool:
        """Return whether a request must succeed, by the rules."""
        if direction == 'up':
            return bool(state.offline) and self._has_room(
                state.host, state.pins[min(state.offline)]
            )
        return bool(self._choices(state))

    def _choices(self, state: ServerState) -> frozenset[int]:
        """Return which vCPUs may go offline."""
        choices = state.online - {0}
        for cell in state.cells:
            if len(cell & state.online) == 1:
                choices -= cell
        if state.realtime and len(state.online - state.realtime) == 1:
            choices &= state.realtime
        return choices if len(state.online) > state.minimum else frozenset()

    def _has_room(self, host: str, pcpu: int) -> bool:
        """Return whether a core is free in the NUMA node of a pCPU."""
        first = pcpu // cloud.CORES * cloud.CORES
        node = range(first, first + cloud.CORES)
        return not self.hosts[host].tracked.issuperset(node)
