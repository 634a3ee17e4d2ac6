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
"""What nova-ext-groups does with what it hears: from guests and from Nova."""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import time
from typing import Any

from oslo_log import log as logging

from nova_ext.channel import limits
from nova_ext.groups import budgets
from nova_ext.groups import contract
from nova_ext.groups import directory as directory_module
from nova_ext.groups import events
from nova_ext.groups import fitting
from nova_ext.groups import metrics as metrics_module
from nova_ext.groups import payload
from nova_ext.groups import ports
from nova_ext.model import messaging
from nova_ext.wire import server_group
from nova_ext.wire.jsonc import BadMessage

LOG = logging.getLogger(__name__)

#: What a status query costs for each server, beside a broadcast's 1: it
#: reads Nova's records.
QUERY_COST = 5

#: How much of its group's rate one guest may use: one that sends all it may
#: leaves the others as much.
GUEST_SHARE = 0.5

Deliveries = list[contract.Delivery]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What ``[nova_ext_groups]`` says of messages.

    :ivar rate: of one group, in messages to guests per second; what Nova
        tells of its members has as much again.
    :ivar share: how many requests of one project are handled at a time.
    """

    show_internals: bool = False
    rate: float = 500.0
    share: int = 4
    groups: int = 10000


class Service:
    """Handles one message at a time in each thread that calls it.

    :param clock: seconds, for the rates.
    """

    def __init__(
        self,
        membership: ports.Membership,
        directory: directory_module.Directory,
        courier: ports.Courier,
        settings: Settings,
        metrics: metrics_module.ServiceMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._membership = membership
        self._directory = directory
        self._courier = courier
        self._internals = settings.show_internals
        rate, size = settings.rate, settings.groups
        self._guests = budgets.Budgets(rate * GUEST_SHARE, size, clock)
        self._groups = budgets.Budgets(rate, size, clock)
        self._notifications = budgets.Budgets(rate, size, clock)
        self._shares = budgets.Shares(settings.share)
        self._metrics = metrics
        self._gate = limits.LogGate()

    def broadcast(self, host: str, name: str, text: str) -> Deliveries:
        """Pass a guest's text on to its peers.

        :param host: the compute host that the guest spoke on.
        :param name: the instance's name.
        :returns: what the guests of that host are to be given.
        """
        kind = server_group.BROADCAST
        sender = self._directory.sender(host, name)
        if sender is None:
            self._metrics.lost('unknown sender')
            return []
        with self._shares.share(sender.project) as free:
            refusal, group = self._admit(sender, free)
            if refusal or group is None:
                return self._refuse(kind, name, refusal)
            data = server_group.forwarded(sender.name, text)
            size = server_group.guest_size(data)
            if size >= server_group.MAX_DATAGRAM:
                return self._refuse(
                    kind, name, 'too long: ' + server_group.too_long(size)
                )
            peers = self._directory.peers(group, sender.uuid, sender.project)
            if who := self._overspent(sender, group, len(peers)):
                return self._refuse(kind, name, who + ' sends too much')
            self._metrics.handled(kind)
            return self._send(kind, peers, data, sender.cell, host)

    def status_query(self, host: str, name: str, seq: int) -> Deliveries:
        """Answer a guest that asks for the status of its group.

        :returns: what the guest is to be given: one answer a server and the
            end, which also comes when the server or its group is gone.
        """
        kind = server_group.STATUS_QUERY
        answers = []
        sender = self._directory.sender(host, name)
        if sender is not None:
            with self._shares.share(sender.project) as free:
                refusal, group = self._admit(sender, free)
                if refusal:
                    return self._refuse(kind, name, refusal)
                members = group.members if group else ()
                cost = QUERY_COST * len(members)
                if group and (who := self._overspent(sender, group, cost)):
                    return self._refuse(kind, name, who + ' asks too much')
                answers = self._statuses(seq, members, sender.project)
        self._metrics.handled(kind)
        self._metrics.sent(kind, len(answers))
        answers.append(server_group.status_done(seq))
        return [contract.Delivery((name,), data) for data in answers]

    def event(self, event: events.ServerEvent, stale: bool = False) -> None:
        """Tell the peers of a server what has happened to it.

        :param stale: it happened too long ago to be told; only remember it.
        """
        group = self._directory.group_of(event.uuid)
        if group is None:
            return
        self._courier.forget(contract.Changed(servers=(event.uuid,)))
        project = str(event.data.get('tenant_id'))
        peers = self._directory.peers(group, event.uuid, project)
        if not peers:
            return
        if stale:
            self._metrics.lost('stale', len(peers))
            return
        if not self._notifications.spend(group.uuid, len(peers)):
            self._metrics.lost('too many notifications', len(peers))
            return
        data = self._notification(event)
        if data is None:
            self._metrics.lost('too long', len(peers))
            return
        self._metrics.handled(server_group.NOTIFICATION)
        self._send(server_group.NOTIFICATION, peers, data)

    def group_event(self, event: events.GroupEvent) -> None:
        """Take note that a group was made, changed or deleted."""
        self._courier.forget(
            contract.Changed(servers=event.members, groups=(event.uuid,))
        )

    def _admit(
        self, sender: ports.Member, free: bool
    ) -> tuple[str | None, ports.Group | None]:
        """Return why a guest is refused, and its group."""
        if not sender.messaging:
            return (
                "the server's flavor has no messaging: its extra spec "
                '%s is not true' % messaging.KEYS[0]
            ), None
        if not free:
            return 'project is busy', None
        return None, self._directory.group_of(sender.uuid)

    def _overspent(
        self, sender: ports.Member, group: ports.Group, cost: int
    ) -> str | None:
        """Take the cost of a guest's message; return what has used up its
        share, the guest or its group."""
        # What is refused costs neither. A guest's messages come one by one.
        if not self._guests.spend(sender.uuid, 0):
            return 'guest'
        if not self._groups.spend(group.uuid, cost):
            return 'group'
        self._guests.spend(sender.uuid, cost)
        return None

    def _refuse(self, kind: str, name: str, reason: str | None) -> Deliveries:
        if reason is None:
            reason = 'the server is in no server group'
        self._metrics.lost(reason.split(':')[0])
        data = server_group.nack(kind, reason)
        return [contract.Delivery((name,), data)]

    def _statuses(
        self, seq: int, uuids: Iterable[str], project: str
    ) -> list[dict[str, Any]]:
        found = self._membership.facts(uuids).values()
        answers = []
        for facts in found:
            if facts.get('tenant_id') != project:
                continue
            data = self._fit(
                lambda server: server_group.status_response(seq, server),
                payload.status(facts, self._internals),
            )
            if data is None:
                self._metrics.lost('too long')
            else:
                answers.append(data)
        return answers

    def _notification(
        self, event: events.ServerEvent
    ) -> dict[str, Any] | None:
        try:
            found = self._membership.facts([event.uuid], deleted=True)
        except ports.MembershipUnknown:
            # The event itself says most of it.
            found = {}
        whole = payload.notification(
            event, found.get(event.uuid, {}), self._internals
        )
        return self._fit(
            lambda part: server_group.notification({**whole, 'payload': part}),
            whole['payload'],
        )

    def _fit(
        self, build: Any, content: dict[str, Any]
    ) -> dict[str, Any] | None:
        try:
            return fitting.fit(build, content)
        except BadMessage as error:
            if log := self._gate.admit_to(LOG):
                log.warning('Cannot tell guests of a server: %s', error)
            return None

    def _send(
        self,
        kind: str,
        peers: list[ports.Member],
        data: dict[str, Any],
        cell: str = '',
        host: str = '',
    ) -> Deliveries:
        """Send to the peers; return what is for those on this very host."""
        by_host: dict[tuple[str, str], list[str]] = {}
        for peer in peers:
            by_host.setdefault((peer.cell, peer.host), []).append(peer.name)
        local = by_host.pop((cell, host), [])
        self._metrics.sent(kind, len(local))
        for (to_cell, to_host), names in by_host.items():
            delivery = contract.Delivery(tuple(names), data)
            failure = self._courier.deliver(to_cell, to_host, [delivery])
            if failure is None:
                self._metrics.sent(kind, len(names))
            else:
                self._metrics.lost(failure, len(names))
        return [contract.Delivery(tuple(local), data)] if local else []
