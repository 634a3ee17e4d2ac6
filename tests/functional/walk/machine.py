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
"""How a step of the walk is made, and what must hold after each."""

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import random
import re
import time
import traceback
from typing import Any
from typing import ClassVar

from hypothesis import reject
from hypothesis import stateful
from hypothesis import strategies as st
from nova.compute import vm_states

from tests.functional import agreement
from tests.functional import operations
from tests.functional.walk import cloud
from tests.functional.walk.cloud import Cloud
from tests.functional.walk.cloud import Seen

#: Which server a step is for: the n-th of those that it is possible for.
WHICH = st.integers(0, len(cloud.SERVERS) - 1)

#: How many steps a new server is scaled down at once.
DOWN = st.integers(0, 3)

#: Seconds after the end of an operation until all must agree.
SOON = 5.0

#: Said of a core that nobody can have meanwhile, and of what goes with it.
LEFT = re.compile('without an owner|its servers have')

#: Characters of Nova's log that a violation is told with.
LOG_TAIL = 3000

_LUCK = st.integers(0, 999)


class Violation(AssertionError):
    """Something disagrees; says what, and the steps that led to it."""


class Enough(BaseException):  # noqa: N818 (not an error)
    """The walk has come as far as it was to; hypothesis lets it through."""


class Kept:
    """The services of one walk after the other.

    They are started anew after a violation, and once in a while, because
    Nova's fixtures remember all that ever happened.

    :cvar LASTS: for how many walks.
    """

    LASTS = 20

    def __init__(self) -> None:
        self._cloud: Cloud | None = None
        self._walks = 0

    def take(self) -> Cloud:
        """Return services that no server is left on."""
        if self._cloud is None:
            # Hypothesis seeds it the same for each walk; oslo.db names the
            # files of databases by it.
            random.seed()
            self._cloud, self._walks = Cloud.start(), 0
        self._walks += 1
        return self._cloud

    def drop(self, worn: bool = True) -> None:
        """End the services.

        :param worn: False to do so only when they have lasted.
        """
        if self._cloud and (worn or self._walks >= self.LASTS):
            kept, self._cloud = self._cloud, None
            kept.stop()


class Machine(stateful.RuleBasedStateMachine):
    """Three servers on two hosts.

    :cvar tally: how often each step ended how, over all walks, and whether
        the server (any, if it is a host's step) was scaled down before.
    :cvar say: is told each step that was made.
    :cvar found: the violations, over all walks.
    :cvar enough: asked after each step whether the walk is at its end.
    :ivar trace: the steps, and what each came to.
    :ivar seen: the servers by name, as the database has them.
    :ivar hosts: the states of all hosts that are not away, by name.
    :ivar servers: the states of all servers there, by name.
    :ivar had: what the servers that were resized, shelved or are on a host
        that is away had offline before.
    :ivar arrived: the uuids of the servers that have come by a move since the
        last audit, or were to.
    :ivar resized_here: the uuids of the servers that were resized on their
        host, until that is confirmed or reverted.
    :ivar misjudged: the uuids of the servers whose resize has failed: Nova
        looks for hosts with room for the NUMA topology that they did not get,
        from then on, and the claim there may fail.
    """

    kept: ClassVar[Kept] = Kept()
    tally: ClassVar[Counter[tuple[str, bool]]] = Counter()
    say: ClassVar[Callable[[str], None]] = staticmethod(lambda line: None)
    found: ClassVar[list[Violation]] = []
    enough: ClassVar[Callable[[], bool]] = staticmethod(lambda: False)

    def __init__(self) -> None:
        super().__init__()
        self.trace: list[str] = []
        self.broken = False
        self.seen: dict[str, Seen] = {}
        self.hosts: dict[str, agreement.HostState] = {}
        self.servers: dict[str, agreement.ServerState] = {}
        self.had: dict[str, frozenset[int]] = {}
        self.arrived: set[str] = set()
        self.resized_here: set[str] = set()
        self.misjudged: set[str] = set()

    @stateful.initialize(
        luck=st.tuples(_LUCK, _LUCK), down=st.tuples(DOWN, DOWN, DOWN)
    )
    def begin(self, luck: tuple[int, int], down: tuple[int, ...]) -> None:
        """Create the servers, and scale them down.

        Hypothesis begins with the simplest of all walks, and with ends of
        nothing but the simplest step; for a walk that is a waste of time.
        """
        if 0 in luck:
            reject()
        self.cloud = self.kept.take()
        with self._guarded('the start'):
            for (name, flavor, host), steps in zip(
                cloud.SERVERS, down, strict=True
            ):
                self.create(name, flavor, steps, host)
            self._check('at the start')

    def create(
        self,
        name: str,
        flavor: str,
        down: int,
        host: str | None = None,
        image: str = cloud.IMAGE,
    ) -> None:
        """Create a server; one without a host may fail.

        It starts with all its flavor's vCPUs, whatever the image is.

        :param down: how many steps to scale it down, if there are so many.
        """
        uuid = self.cloud.create(name, flavor, host, image)
        self.had.pop(name, None)
        self.seen[name] = self.cloud.seen(uuid, name)
        if self.seen[name].vm_state == vm_states.ACTIVE:
            self.must('offline at first', set(), self.cloud.offline(uuid))
        for _ in range(down):
            self.cloud.scale({'id': uuid}, 'down')

    def teardown(self) -> None:
        """Delete all servers, of which nothing may be left."""
        try:
            if self.seen and not self.broken:
                with self._guarded('the end'):
                    self.end()
                    self.seen = {}
                    self._check('at the end')
        finally:
            self.kept.drop(worn=self.broken)

    def end(self) -> None:
        """Delete all servers."""
        for one in self.seen.values():
            self.cloud.delete(one.uuid)

    # -- which server ------------------------------------------------------

    def fit(self, states: tuple[str, ...]) -> list[Seen]:
        """Return the servers in one of the states on a host that is up."""
        return [
            one
            for one in self.seen.values()
            if one.vm_state in states and one.host not in self.cloud.away
        ]

    def pick(self, which: int, *states: str) -> Seen:
        """Return the n-th server that is fit."""
        fit = self.fit(states)
        return fit[which % len(fit)]

    # -- how a step is made and checked ------------------------------------

    @contextlib.contextmanager
    def step(
        self, what: str, server: Seen | None = None, detail: str = ''
    ) -> Iterator[None]:
        """Make one step, after which all must agree.

        :param what: as it is counted.
        :param server: the only one that may change; None for none.
        :param detail: said of it, but not counted on its own.
        """
        before = self.servers
        name = server.name if server else ''
        scaled = self._is_scaled_down(name)
        self.trace.append(' '.join(filter(None, [what, detail, name])))
        with self._guarded(what):
            yield
            for one in [self.seen[name]] if name else self.seen.values():
                self.seen[one.name] = self.cloud.seen(one.uuid, one.name)
            self._check('after ' + what, server)
            self._bystanders(before, name)
        if server:
            self.trace[-1] += ' -> ' + self._describe(name)
        self.say(self.trace[-1])
        how = self._outcome(server) if server else 'done'
        self.tally['%s: %s' % (what, how), scaled] += 1
        if self.enough():
            raise Enough

    def _is_scaled_down(self, name: str) -> bool:
        """Return whether a server is, or any."""
        return any(
            offline and name in (one, '')
            for one, offline in [
                *((one.name, one.offline) for one in self.servers.values()),
                *self.had.items(),
            ]
        )

    def _outcome(self, server: Seen) -> str:
        now = self.seen[server.name]
        moved = now.uuid == server.uuid and now.host not in (None, server.host)
        return now.vm_state + (', moved' if moved else '')

    @contextlib.contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        """Make a violation of whatever goes wrong."""
        try:
            yield
        except Violation:
            raise
        except Exception as error:
            raise self.violation(what, traceback.format_exc()) from error

    def violation(self, what: str, *found: str) -> Violation:
        """Return the error that tells what was found, and how it came."""
        self.broken = True
        error = Violation(
            '%s:\n  %s\nThe steps were:\n  %s'
            % (what, '\n  '.join(found), '\n  '.join(self.trace))
        )
        self.found.append(error)
        self.say('%s\nThe log ends with:\n%s' % (error, self._log()))
        return error

    def _log(self) -> str:
        log: str = self.cloud.stdlog.logger.output
        return log[-LOG_TAIL:]

    def must(self, what: str, wanted: Any, found: Any) -> None:
        """Check what a step came to."""
        if wanted != found:
            raise self.violation(
                self.trace[-1], '%s: %s, not %s' % (what, found, wanted)
            )

    def _describe(self, name: str) -> str:
        one, state = self.seen[name], self.servers.get(name)
        if state is None:
            return one.vm_state
        return '%s on %s, vCPUs %s of %d, pins %s' % (
            one.vm_state,
            one.host,
            sorted(state.online),
            state.maximum,
            dict(state.pins),
        )

    def _check(self, what: str, server: Seen | None = None) -> None:
        """Read the states of all until they agree; they must, soon.

        :param server: the one that may have left a host in this step, or
            have been deleted; None for each.
        """
        new = server is None or server.uuid in self.arrived
        deadline = time.monotonic() + SOON
        while found := self._disagreements():
            if new and self.arrived and all(map(LEFT.search, found)):
                # Nova frees what a server has that came by a move, and was
                # not yet audited, only in the next audit.
                self.audit_all()
            elif time.monotonic() > deadline:
                raise self.violation(what, *found)
            time.sleep(0.05)

    def _disagreements(self) -> list[str]:
        hosts, servers, kept = self.cloud.states()
        self.hosts = {one.name: one for one in hosts}
        self.servers = {one.name: one for one in servers}
        return agreement.disagreements(hosts, servers, kept=kept)

    def audit_all(self) -> None:
        """Audit all hosts.

        Nova no longer knows a server that was resized on its host once that
        has been confirmed, as deletion does first, whatever audits were.
        """
        self.cloud.audit()
        self.arrived &= self.resized_here

    def _bystanders(
        self, before: dict[str, agreement.ServerState], name: str
    ) -> None:
        """No server has changed but the one of the step."""
        for other, was in before.items():
            now = self.servers.get(other)
            if other != name and now is not None and was != now:
                found = agreement.differences([was], [now])
                raise self.violation('a step of %s' % (name or 'none'), *found)

    def was_last(self, what: str) -> bool:
        """Return whether this was the last step."""
        return bool(self.trace) and self.trace[-1].startswith(what)

    # -- what steps have in common -----------------------------------------

    def ask(
        self, server: Seen, action: str, argument: Any = None
    ) -> tuple[int, str]:
        """Start an action; return status and error text of the answer."""
        return self.cloud.ask(
            'POST',
            '/servers/%s/action' % server.uuid,
            {action: argument},
            self.cloud.admin_api,
        )

    def accepted(
        self, server: Seen, action: str, argument: Any = None
    ) -> None:
        """Start an action that Nova accepts."""
        status, text = self.ask(server, action, argument)
        if status >= 400:
            raise self.violation(action, 'the answer is %s' % text[:300])

    def has_moved(self, server: Seen) -> bool:
        """Return whether a server is on another host now, and note it."""
        moved = self.cloud.seen(server.uuid, server.name).host != server.host
        if moved:
            self.arrived.add(server.uuid)
        return moved

    def unless(self, fails: bool, method: str) -> Any:
        """Return what breaks a method of Nova's driver, or does not."""
        if fails:
            return operations.broken(method)
        return contextlib.nullcontext()

    def offline(self, server: Seen) -> frozenset[int]:
        """Return what a server has offline."""
        return self.servers[server.name].offline


def when(*states: str) -> Any:
    """Allow a step only while a server is in one of these states."""
    return stateful.precondition(lambda self: bool(self.fit(states)))
