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
"""The scale operation on one server: one vCPU down, or one up.

Down releases last, up acquires first, so that whatever fails or dies in
between leaves at worst too much reserved, and never a pCPU with two owners. A
step down is done with the save that gives its core back: its caller is told so
whatever comes after.
"""

from dataclasses import dataclass
from dataclasses import replace

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.model import pinning
from nova_ext.model.pinning import Layout
from nova_ext.model.record import DOWN
from nova_ext.model.record import UP
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling.ports import Ports
from nova_ext.scaling.ports import Server
from nova_ext.scaling.undo import Undo

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class GuestRules:
    """How long a guest is asked, and what its silence means.

    :ivar timeout: seconds for each question.
    :ivar host_picks: whether the host parks a vCPU of a silent guest.
    """

    timeout: float
    host_picks: bool = False


class Operation:
    """A server while it is scaled.

    :ivar layout: pins and offline vCPUs as saved, which only a completed or
        an undone step changes.
    :ivar record: the record as it was saved with that layout.
    :ivar left_over: what recovery must still look at; None while all agrees.
    """

    def __init__(
        self,
        server: Server,
        record: ScaleRecord,
        ports: Ports,
        rules: GuestRules,
    ) -> None:
        """Take up a server whose request is journalled."""
        self.server = server
        self.layout = server.layout
        self.record = record
        self.left_over: Journal | None = None
        self._ports = ports
        self._rules = rules

    def down(self) -> None:
        """Take one vCPU from the guest and give its core back.

        :raises exception.ScalingFailed: a step failed; all is undone, but for
            what ``left_over`` says.
        """
        undo = Undo(self.server.uuid)
        before = self.layout
        try:
            vcpu = self._offline_in_guest(undo)
            after = before.without(vcpu)
            self._leave_realtime(vcpu, undo)
            self._park(before, after, undo)
            self._release(vcpu, after)
        except Exception:
            self._take_back(undo)
            raise
        self._charge_less(after)

    def up(self) -> None:
        """Take a core and give it to the guest as one more vCPU.

        :raises exception.InsufficientResources: there is no core.
        :raises exception.ScalingFailed: a step failed; all is undone, but for
            what ``left_over`` says.
        """
        undo = Undo(self.server.uuid)
        before = self.layout
        vcpu = pinning.next_online(before)
        try:
            self._charge_more(vcpu, undo)
            self._acquire(vcpu, undo)
            self._unpark(before, undo)
            self._become_realtime(vcpu, undo)
            self._online_in_guest(vcpu)
        except Exception:
            self._take_back(undo)
            raise

    # -- down --------------------------------------------------------------

    def _offline_in_guest(self, undo: Undo) -> int:
        vcpu = self._choose()
        if vcpu in self.layout.online:
            undo.add(
                'vCPU %d online in the guest' % vcpu,
                lambda: self.ask_online(vcpu),
            )
        pinning.check_choice(self.layout, self.server.bounds, vcpu)
        return vcpu

    def _choose(self) -> int:
        try:
            return self._ports.guest.take_offline(
                self.server.name, self._rules.timeout
            )
        except exception.GuestRefused:
            raise
        except Exception as error:
            silent = isinstance(error, exception.GuestSilent)
            if silent and self._rules.host_picks:
                return pinning.candidates(self.layout, self.server.bounds)[0]
            # It may have acted on the request, or still do.
            self.left_over = Journal(DOWN, guest_only=True)
            raise

    def _leave_realtime(self, vcpu: int, undo: Undo) -> None:
        if vcpu in self.layout.realtime:
            undo.add(
                'real-time policy of vCPU %d' % vcpu,
                lambda: self._ports.domain.make_realtime(frozenset({vcpu})),
            )
            self._ports.domain.make_ordinary(frozenset({vcpu}))

    def _park(self, before: Layout, after: Layout, undo: Undo) -> None:
        undo.add('pins', lambda: self._place(after, before))
        self._place(before, after)

    def _release(self, vcpu: int, after: Layout) -> None:
        self._switch(
            after,
            replace(
                self.record, offline=after.offline, journal=Journal(DOWN, vcpu)
            ),
        )

    def _charge_less(self, layout: Layout) -> None:
        # The step is done, and saved: it cannot fail any more. Too much is
        # charged at worst, until an audit compares that with the record.
        try:
            self._ports.allocation.charge(layout)
        except Exception:
            LOG.exception(
                'Server %s: placement still charges the core that was given '
                'back; the next audit of the host corrects that.',
                self.server.uuid,
            )

    # -- up ----------------------------------------------------------------

    def _charge_more(self, vcpu: int, undo: Undo) -> None:
        before = self.layout
        charge = self._ports.allocation.charge
        # Also after a charge that seemed to fail: it may have arrived.
        undo.add('placement allocation', lambda: charge(before))
        charge(replace(before, offline=before.offline - {vcpu}))

    def _acquire(self, vcpu: int, undo: Undo) -> None:
        before, record = self.layout, self.record
        taken = replace(
            record, offline=before.offline - {vcpu}, journal=Journal(UP, vcpu)
        )
        self.layout = self._ports.host.take(before, vcpu, taken)
        self.record = taken
        undo.add(
            'release of the core of vCPU %d' % vcpu,
            lambda: self._switch(before, record),
        )

    def _unpark(self, before: Layout, undo: Undo) -> None:
        after = self.layout
        undo.add('pins', lambda: self._place(after, before))
        self._place(before, after)

    def _become_realtime(self, vcpu: int, undo: Undo) -> None:
        if vcpu in self.layout.realtime:
            undo.add(
                'ordinary policy of vCPU %d' % vcpu,
                lambda: self._ports.domain.make_ordinary(frozenset({vcpu})),
            )
            self._ports.domain.make_realtime(frozenset({vcpu}))

    def _online_in_guest(self, vcpu: int) -> None:
        try:
            self.ask_online(vcpu)
        except exception.GuestRefused:
            raise
        except Exception:
            # It may still bring the vCPU online, which is parked again now.
            self.left_over = Journal(DOWN, vcpu, guest_only=True)
            raise

    # -- both --------------------------------------------------------------

    def ask_online(self, vcpu: int) -> None:
        """Ask the guest to bring a vCPU online that may use a core."""
        self._ports.guest.bring_online(
            self.server.name,
            vcpu,
            self.layout.online | {vcpu},
            self._rules.timeout,
        )

    def _place(self, before: Layout, after: Layout) -> None:
        self._ports.domain.pin_vcpus(pinning.moved(before, after))
        emulator = pinning.emulator_pcpus(after)
        if (
            self.server.emulator_floats
            and pinning.emulator_pcpus(before) != emulator
        ):
            self._ports.domain.pin_emulator(emulator)

    def _switch(self, after: Layout, record: ScaleRecord) -> None:
        self._ports.host.switch(self.layout, after, record)
        self.layout, self.record = after, record

    def _take_back(self, undo: Undo) -> None:
        if not undo.unwind() and self.record.journal:
            self.left_over = replace(self.record.journal, undo=True)
