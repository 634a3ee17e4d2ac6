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
"""One move that is cut off by the death of a nova-compute, and what follows.

What an operator does then is part of it: nova-compute starts again, at most
one audit passes, and a server that Nova has left in an error or amidst a task
is reset and rebooted, as Nova's documentation says.
"""

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import time
from typing import Any

from nova.cmd import manage
from nova.compute import vm_states
from nova.tests.fixtures import libvirt as fakelibvirt
from nova.tests.functional.api import client

from tests.functional import agreement
from tests.functional import observe
from tests.functional.crash import unfinished
from tests.functional.walk.cloud import IMAGE
from tests.functional.walk.cloud import Cloud

#: Seconds until a move whose nova-compute has started again is at its end.
PATIENCE = 10.0


class CrashCloud(Cloud):
    """Two hosts, of which one dies."""

    #: A dead nova-compute answers nothing, also what was only cast.
    CAST_AS_CALL = False


@dataclass(frozen=True)
class Outcome:
    """What became of a server whose move was cut off.

    :ivar number: of the effect that nova-compute died before, from 1.
    :ivar effect: its name; empty when the move came to its end.
    :ivar end: how the server stands after the restart.
    :ivar before: what disagrees after the restart and an audit, before that
        remedy; the claim of a move that Nova keeps open may be there.
    :ivar remedy: what an operator had to do; empty for nothing.
    :ivar found: what disagrees in the end.
    """

    move: str
    victim: str
    number: int
    effect: str
    end: str
    before: tuple[str, ...]
    remedy: str
    found: tuple[str, ...]

    def __str__(self) -> str:
        return '%-14s %-11s %3d  %-15s %-36s %-10s %-8s %s' % (
            self.move,
            self.victim,
            self.number,
            self.effect or '(lives)',
            self.end,
            '; '.join(self.before) or 'all agree',
            self.remedy or '-',
            '; '.join(self.found) or 'all agree',
        )


class Attempt:
    """A server at two of four vCPUs on host1, and one beside it on each."""

    def __init__(self, cloud: CrashCloud, returns: bool = False) -> None:
        """Create the servers.

        :param returns: whether a failed host comes back at once, before an
            operator does anything for the server.
        """
        self.cloud = cloud
        self._returns = returns
        self.uuid = self._scaled('moves', 'realtime', 'host1', 2)
        self._scaled('beside 1', 'isolated', 'host1', 1)
        self._scaled('beside 2', 'isolated', 'host2', 1)
        self.before = self._servers()

    def _scaled(self, name: str, flavor: str, host: str, steps: int) -> str:
        uuid = self.cloud.create(name, flavor, host)
        for _ in range(steps):
            status, text = self.cloud.scale({'id': uuid}, 'down')
            assert status == 202, text
        return uuid

    def _servers(self) -> dict[str, agreement.ServerState]:
        _, servers, _ = self.cloud.states()
        return {one.name: one for one in servers}

    def act(self, action: str, argument: Any = None) -> None:
        """Start an action, whatever comes of it."""
        path = '/servers/%s/action' % self.uuid
        with contextlib.suppress(Exception):
            self.cloud.ask(
                'POST', path, {action: argument}, self.cloud.admin_api
            )

    def cut_off(
        self, move: str, host: str, number: int, begin: Callable[[], None]
    ) -> Outcome:
        """Let a host's nova-compute die in the middle of a move.

        :param number: before which of its effects.
        :param begin: begins the move.
        """
        # The dead do not answer; nobody is to wait for that for a minute.
        self.cloud.flags(rpc_response_timeout=3, long_rpc_timeout=3)
        effects = self.cloud.world.effects
        effects.kill_before(number, self.cloud.computes[host].manager)
        begin()
        self._wait(lambda: effects.died.is_set() or self._is_idle())
        died, effect = effects.died.is_set(), effects.stop()[-1:]
        self.cloud.restart(host)
        self._wait(self._is_idle)
        if self._returns:
            self._come_back()
        end, before = self._describe(), self._before_the_remedy()
        remedy = self._remedy()
        self._come_back()
        self.cloud.audit()
        return Outcome(
            move,
            host,
            number,
            effect[0] if died else '',
            end,
            before,
            remedy,
            tuple(self._disagreements() or self._left_after_deletion()),
        )

    def _before_the_remedy(self) -> tuple[str, ...]:
        """Audit, and return what disagrees without an operator's doing."""
        self.cloud.audit()
        hosts, beside = self._beside()
        found = agreement.differences(
            [one for one in self.before.values() if one.name in beside],
            list(beside.values()),
        )
        moving = unfinished.read(self.cloud, self.uuid)
        found += unfinished.disagreements(hosts, beside.values(), moving)
        return tuple(found)

    def _beside(
        self,
    ) -> tuple[list[agreement.HostState], dict[str, agreement.ServerState]]:
        """Read the hosts that are up, and the servers beside on them."""
        cloud, placement = self.cloud, observe.Once(self.cloud.placement)
        up = {
            name: compute
            for name, compute in cloud.computes.items()
            if name not in cloud.away
        }
        beside = {
            one.name: observe.server_state(
                one.uuid, up, cloud.world, placement
            )
            for one in self.before.values()
            if one.uuid != self.uuid and one.host in up
        }
        return [
            observe.host_state(compute, placement) for compute in up.values()
        ], beside

    def _come_back(self) -> None:
        """Let a host that has failed come back."""
        for host in list(self.cloud.away):
            try:
                self.cloud.return_host(host)
            except client.OpenStackApiException:
                # Each start of nova-compute ends one evacuation of a server.
                self.cloud.return_host(host)
            self.cloud.settle()

    def _is_idle(self) -> bool:
        """Return whether nothing has been going on for a while."""
        return self.cloud.is_idle(self.uuid)

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds for a moment, or for long enough."""
        deadline = time.monotonic() + PATIENCE
        held = 0
        while held < 5 and time.monotonic() < deadline:
            held = held + 1 if condition() else 0
            time.sleep(0.05)

    def _describe(self) -> str:
        seen = self.cloud.seen(self.uuid, '')
        task = self.cloud.task(self.uuid)
        return '%s on %s%s' % (
            seen.vm_state,
            seen.host,
            ', ' + task if task else '',
        )

    def _remedy(self) -> str:
        """Do what Nova leaves to the operator, if anything."""
        seen = self.cloud.seen(self.uuid, '')
        away = seen.host in self.cloud.away
        # Nova has destroyed its domain there.
        lost = away or (self._returns and seen.host == 'host1')
        fine = seen.vm_state != vm_states.ERROR and not lost
        if fine and not self.cloud.task(self.uuid):
            return ''
        self.act('os-resetState', {'state': 'active'})
        if away:
            self._clear_destination()
            self.act('evacuate', {})
            self._wait(self._is_idle)
            return 'again'
        if lost:
            self._clear_destination()
            manage.PlacementCommands().heal_allocations(
                instance_uuid=self.uuid, force=True
            )
            self.act('rebuild', {'imageRef': IMAGE})
            self._wait(self._is_idle)
            return 'rebuild'
        self.act('reboot', {'type': 'HARD'})
        self._wait(self._is_idle)
        self._undefine()
        return 'reset'

    def _clear_destination(self) -> None:
        """Remove what an evacuation that was cut off has left, by hand.

        Nova never does; doc/source/admin/operation.rst has these steps.
        """
        self._undefine()
        manage.PlacementCommands().audit(delete=True)
        # Until then the cores that the evacuation claimed are counted.
        self.cloud.audit()

    def _undefine(self) -> None:
        """Remove the server's domain where the server is not, by hand."""
        for compute in self.cloud.computes.values():
            connection = compute.driver._host.get_connection()
            for domain in connection.listAllDomains(0):
                here = self.cloud.instance(self.uuid).host == compute.host
                if domain.UUIDString() == self.uuid and not here:
                    domain.destroy()
                    domain.undefine()

    def _disagreements(self) -> list[str]:
        try:
            hosts, servers, kept = self.cloud.states()
        except fakelibvirt.libvirtError as error:
            return ['a domain is lost: %s' % error]
        found = agreement.disagreements(hosts, servers, kept=kept)
        now = {one.name: one for one in servers}
        for name, was in self.before.items():
            if name not in now:
                found.append('server %s is lost' % name)
            elif name != 'moves':
                found += agreement.differences([was], [now[name]])
            elif now[name].offline not in (frozenset(), was.offline):
                found.append('%s are offline' % set(now[name].offline))
        return found

    def _left_after_deletion(self) -> list[str]:
        """Delete all; return what is left after an audit."""
        for one in self.before.values():
            self.cloud.delete(one.uuid)
        self.cloud.audit()
        hosts, servers, kept = self.cloud.states()
        found = agreement.disagreements(hosts, servers, kept=kept)
        return ['after its deletion: %s' % said for said in found]
