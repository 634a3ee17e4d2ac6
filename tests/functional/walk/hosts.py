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
"""The steps of the hosts: audits, restarts, and hosts that are lost."""

from hypothesis import stateful
from hypothesis import strategies as st
from nova.compute import vm_states

from tests.functional import agreement
from tests.functional.agreement import ServerState
from tests.functional.walk import cloud
from tests.functional.walk.machine import WHICH
from tests.functional.walk.machine import Machine

#: States of a server whose host may lose its power: Nova starts it again as
#: it was. (It leaves one that was paused or rescued to the operator.)
HARDY = (vm_states.ACTIVE, vm_states.STOPPED, vm_states.SUSPENDED)

#: Steps after which a lost host returns: nothing moves without it.
AWAY = 6

EVACUABLE = (vm_states.ACTIVE, vm_states.STOPPED, vm_states.ERROR)


class Hosts(Machine):
    """What an operator does to hosts, and what befalls them."""

    def __init__(self) -> None:
        super().__init__()
        #: What the servers of a lost host were like.
        self.lost: dict[str, ServerState] = {}
        #: How many steps were made before.
        self.lost_after = 0

    # A second audit or restart in a row says nothing new.
    @stateful.precondition(lambda self: not self.was_last('audit'))
    @stateful.rule()
    def audit(self) -> None:
        """Audit all hosts; nothing changes, not even in memory."""
        before = self.hosts
        with self.step('audit'):
            self.audit_all()
        for name, was in before.items():
            found = agreement.differences([was], [self.hosts[name]])
            self.must('differences', [], found)

    @stateful.precondition(lambda self: not self.was_last('restart'))
    @stateful.precondition(lambda self: not self.cloud.away)
    @stateful.rule(host=st.sampled_from(cloud.HOSTS))
    def restart(self, host: str) -> None:
        """Restart nova-compute; nothing changes."""
        with self.step('restart nova-compute', detail=host):
            self.cloud.restart(host)
            self.cloud.settle()

    @stateful.precondition(lambda self: not self.was_last('reboot a host'))
    @stateful.precondition(lambda self: not self.cloud.away)
    @stateful.rule(host=st.sampled_from(cloud.HOSTS))
    def reboot_host(self, host: str) -> None:
        """Reboot a host, which starts what ran before; nothing changes."""
        if self._is_hardy(host):
            with self.step('reboot a host', detail=host):
                self.cloud.power_off(host)
                self.cloud.restart(host)
                self.cloud.settle()

    # -- a host that is lost for a while -----------------------------------

    @stateful.precondition(lambda self: not self.cloud.away)
    @stateful.rule(host=st.sampled_from(cloud.HOSTS), power=st.booleans())
    def lose_host(self, host: str, power: bool) -> None:
        """Lose a host: its power, or only its network."""
        if self._is_hardy(host):
            self.lost = {
                name: state
                for name, state in self.servers.items()
                if state.host == host
            }
            self.had.update(
                {name: state.offline for name, state in self.lost.items()}
            )
            self.lost_after = len(self.trace)
            how = 'power' if power else 'network'
            with self.step('lose the %s of a host' % how, detail=host):
                self.cloud.fail_host(host, power)

    @stateful.precondition(lambda self: bool(self.cloud.away))
    @stateful.rule()
    def return_host(self) -> None:
        """A lost host returns."""
        self._return()

    def _return(self) -> None:
        """Let it return; what is still there is as it was."""
        (host,) = self.cloud.away
        with self.step('return a lost host', detail=host):
            self.cloud.return_host(host)
            self.cloud.settle()
        for name, was in self.lost.items():
            now = self.servers.get(name)
            if now is not None and now.uuid == was.uuid and now.host == host:
                del self.had[name]
                if self.seen[name].vm_state != vm_states.ERROR:
                    self.must('state', was, now)
                self.must('offline', was.offline, now.offline)

    @stateful.precondition(lambda self: bool(self._stranded()))
    @stateful.rule(which=WHICH, spawns=st.sampled_from([True, True, False]))
    def evacuate(self, which: int, spawns: bool) -> None:
        """Evacuate a server; it may not fit, or not spawn.

        It is off afterwards, but one in ERROR is started.
        """
        stranded = self._stranded()
        server = stranded[which % len(stranded)]
        how = 'evacuate' if spawns else 'evacuate, does not spawn'
        with self.step(how, server):
            with self.unless(not spawns, 'spawn'):
                self.ask(server, 'evacuate', {})
                self.cloud.wait(server.uuid, *HARDY, vm_states.ERROR)
            self.has_moved(server)
            if not spawns and not self.had[server.name]:
                # Nova's claim frees by a copy that does not know the pins;
                # only that of a scaled-down server does.
                self.arrived.add(server.uuid)
        now = self.servers.get(server.name)
        if now is not None:
            self.must('offline', self.had.pop(server.name), now.offline)

    @stateful.invariant()
    def return_in_time(self) -> None:
        """Let a lost host return that was away for long."""
        if self.cloud.away and len(self.trace) - self.lost_after > AWAY:
            self._return()

    def _stranded(self) -> list[cloud.Seen]:
        return [
            one
            for one in self.seen.values()
            if one.host in self.cloud.away and one.vm_state in EVACUABLE
        ]

    def _is_hardy(self, host: str) -> bool:
        states = [
            one.vm_state for one in self.seen.values() if one.host == host
        ]
        return not set(states) - set(HARDY) and not self._are_moving()

    def _are_moving(self) -> bool:
        return any(
            one.vm_state == vm_states.RESIZED for one in self.seen.values()
        )

    def end(self) -> None:
        """Delete all servers; what is on a lost host too."""
        super().end()
        for host in list(self.cloud.away):
            self.cloud.return_host(host)
            self.cloud.settle()
