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
"""Make everything agree with the record again.

After a crash, an undo that failed, or a guest that answered too late, the
record and the pins saved with it are the truth: one save switched both. The
rest follows them, in the order of safety; doing it twice does no harm.
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
from nova_ext.scaling import telling
from nova_ext.scaling.operation import GuestRules
from nova_ext.scaling.ports import Ports
from nova_ext.scaling.ports import Server

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovered:
    """What a recovery came to.

    :ivar layout: the layout that all agree on, or that the record has.
    :ivar journal: what is still open, None when all agree.
    :ivar error: why it is, None also if the guest cannot be asked now.
    """

    layout: Layout
    journal: Journal | None
    error: exception.NovaExtError | None = None


class Recovery:
    """Finish or undo what a journal says was going on."""

    def __init__(
        self,
        server: Server,
        record: ScaleRecord,
        ports: Ports,
        rules: GuestRules,
        running: bool,
        listening: bool,
    ) -> None:
        """Take up a server with a journal that nothing works on.

        :param record: as saved, with its journal; unless that is about the
            guest only, the server has been claimed.
        :param running: whether the domain runs; one that does not has no
            threads to pin and no guest to ask, and starts from the record.
        :param listening: whether it makes sense to ask the guest now.
        """
        self._server = server
        self._layout = server.layout
        self._record = record
        self._journal = record.journal or Journal(DOWN)
        self._claimed = not self._journal.guest_only
        self._ports = ports
        self._rules = rules
        self._running = running
        self._listening = listening

    def run(self) -> Recovered:
        """Make libvirt, the kernel, placement and the guest agree.

        What cannot be done now is left in the journal for the next time.
        """
        try:
            if not self._journal.guest_only:
                self._settle()
                self._undo_up()
                self._place()
                self._ports.allocation.charge(self._layout)
                self._journal = replace(self._journal, guest_only=True)
            if self._running and not self._listening:
                return Recovered(self._layout, self._journal)
            if self._running:
                self._tell_guest()
        except exception.NovaExtError as error:
            return self._put_off(error)
        except Exception as error:
            LOG.exception('Server %s: recovery failed.', self._server.uuid)
            return self._put_off(
                exception.StepFailed(reason=exception.name_of(error))
            )
        return Recovered(self._layout, None)

    def _put_off(self, error: exception.NovaExtError) -> Recovered:
        LOG.warning(
            'Server %(server)s: its scale request could not be recovered '
            'yet, the next audit tries again: %(error)s',
            {'server': self._server.uuid, 'error': error},
        )
        return Recovered(self._layout, self._journal, error)

    def _settle(self) -> None:
        """Give back what an interrupted save took or left (see the model).

        Of two vCPUs on one pCPU the other one may have gone offline; the guest
        is told to change them.
        """
        settled = self._layout.settled()
        if settled != self._layout:
            found = settled.offline - self._layout.offline
            if found:
                self._journal = Journal(DOWN, min(found))
            self._record = replace(
                self._record, offline=settled.offline, journal=self._journal
            )
            self._ports.host.switch(self._layout, settled, self._record)
            self._layout = settled

    def _undo_up(self) -> None:
        """Give the core of a failed scale-up back."""
        vcpu = self._journal.vcpu
        if (
            self._journal.undo
            and self._journal.direction == UP
            and vcpu in self._layout.online
        ):
            self._give_back(vcpu)

    def _place(self) -> None:
        layout = self._layout
        if not self._running:
            return
        domain = self._ports.domain
        domain.make_ordinary(layout.realtime & layout.offline)
        self._ports.power.up(layout.pcpus)
        domain.pin_vcpus(layout.pins)
        if self._server.emulator_floats:
            domain.pin_emulator(pinning.emulator_pcpus(layout))
        domain.make_realtime(layout.realtime & layout.online)

    def _tell_guest(self) -> None:
        """Bring the guest to the record: it cannot be asked for its state."""
        for vcpu in sorted(self._layout.online - {0}):
            try:
                self._ask_online(vcpu)
            except exception.GuestRefused as refusal:
                self._refused(vcpu, refusal)
        parked = self._journal.vcpu
        if self._journal.direction == DOWN and parked is not None:
            telling.Telling(
                self._server.name,
                self._layout,
                self._ports.guest,
                self._rules.timeout,
            ).take_offline({parked})

    def _refused(self, vcpu: int, refusal: exception.GuestRefused) -> None:
        """Take a refusal for the end of a scale-up, if there was one."""
        if (self._journal.direction, self._journal.vcpu) != (UP, vcpu):
            raise refusal
        if not self._claimed:
            # The next time with the claim that giving back needs.
            self._journal = replace(self._journal, guest_only=False)
            raise refusal
        self._give_back(vcpu)
        self._ports.allocation.charge(self._layout)
        self._journal = Journal(DOWN)

    def _give_back(self, vcpu: int) -> None:
        """Undo a scale-up that has its core, but for the allocation."""
        before, after = self._layout, self._layout.without(vcpu)
        if self._running:
            domain = self._ports.domain
            domain.make_ordinary(frozenset({vcpu}) & before.realtime)
            domain.pin_vcpus(pinning.moved(before, after))
            if self._server.emulator_floats:
                domain.pin_emulator(pinning.emulator_pcpus(after))
        journal = Journal(DOWN, vcpu)
        self._record = replace(
            self._record, offline=after.offline, journal=journal
        )
        self._ports.host.switch(before, after, self._record)
        self._layout, self._journal = after, journal

    def _ask_online(self, vcpu: int) -> None:
        self._ports.guest.bring_online(
            self._server.name,
            vcpu,
            self._layout.online,
            self._rules.timeout,
        )
