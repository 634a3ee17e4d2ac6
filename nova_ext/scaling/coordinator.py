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
"""Ask the guest through its scale agent and the guest channel.

Source: the wire protocol of the original agents, version 2 (see
:mod:`nova_ext.wire.messages`). An answer has no correlation id, but agents
echo the request's source address; so each request has a fresh one, and an
answer that comes too late finds nobody.
"""

from collections.abc import Mapping
import time
from typing import Any

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.channel import limits
from nova_ext.wire import addresses
from nova_ext.wire import jsonc
from nova_ext.wire import messages
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

#: The guest is told this much less than the host waits, in seconds.
GUEST_MARGIN = 0.5

#: Characters of a guest's reason that users read. With what is said around
#: it, it fits a value of ``system_metadata``.
LONGEST_REASON = 160

#: Wrong answers to one request that are logged and nacked, or if they come
#: from elsewhere logged; the others are passed over in silence.
MOST_COMPLAINTS = 5


class AgentCoordinator:
    """The port :class:`nova_ext.scaling.ports.Coordinator` on the channel."""

    def __init__(self, socket_path: str) -> None:
        """Remember where the channel daemon is; nothing is opened yet.

        :param socket_path: ``[nova_ext_channel]local_socket``.
        """
        self._path = socket_path

    def take_offline(
        self, instance_name: str, timeout: float, vcpu: int | None = None
    ) -> int:
        """See the port."""
        request = messages.down_request(_guest_time(timeout), vcpu)
        return self._ask(instance_name, request, messages.DOWN, timeout)

    def bring_online(
        self,
        instance_name: str,
        vcpu: int,
        online: frozenset[int],
        timeout: float,
    ) -> None:
        """See the port."""
        request = messages.up_request(_guest_time(timeout), vcpu, online)
        answered = self._ask(instance_name, request, messages.UP, timeout)
        if answered != vcpu:
            raise exception.ScalingFailed(
                reason='the guest brought vCPU %d online instead of %d'
                % (answered, vcpu)
            )

    def _ask(
        self,
        instance_name: str,
        request: Mapping[str, Any],
        direction: str,
        timeout: float,
    ) -> int:
        deadline = time.monotonic() + timeout
        address = addresses.scale_address()
        with client.LocalProgram(self._path, address) as program:
            program.send(instance_name, addresses.SCALE_AGENT, request)
            exchange = _Exchange(program, instance_name, timeout)
            try:
                return exchange.answer(direction, deadline)
            except exception.ChannelTimeout:
                # The agent drops the request if it has not begun with it.
                exchange.nack('no answer in time')
                raise exception.GuestSilent(timeout=timeout) from None


class _Exchange:
    """One request that was sent, and what comes back.

    :param timeout: seconds that it may last.
    """

    def __init__(
        self, program: client.LocalProgram, instance_name: str, timeout: float
    ) -> None:
        self._program = program
        self._instance = instance_name
        # A guest may send as many wrong answers as it likes.
        self._gate = limits.LogGate(MOST_COMPLAINTS, timeout)

    def answer(self, direction: str, deadline: float) -> int:
        """Return the vCPU that the guest names, waiting for an answer that
        can be used."""
        while True:
            received = self._program.receive(deadline)
            sender = (received.instance, received.source_addr)
            if sender != (self._instance, addresses.SCALE_AGENT):
                self._ignore(received)
                continue
            try:
                response = messages.parse_response(received.data, direction)
            except jsonc.BadMessage as error:
                if self._gate.admit():
                    self.nack(str(error))
                continue
            if response.cpu is None:
                raise exception.GuestRefused(
                    reason=quoting.shown(response.reason, LONGEST_REASON)
                )
            return response.cpu

    def nack(self, reason: str) -> None:
        """Tell the scale agent, and the log, what is wrong."""
        LOG.warning(
            'Instance %(instance)s: nack to its scale agent: %(reason)s.',
            {'instance': self._instance, 'reason': reason},
        )
        self._program.send(
            self._instance, addresses.SCALE_AGENT, messages.nack(reason)
        )

    def _ignore(self, received: client.Received) -> None:
        if not self._gate.admit():
            return
        LOG.warning(
            'Instance %(instance)s: ignored a message from '
            '%(address)s of instance %(sender)s.',
            {
                'instance': self._instance,
                'address': quoting.shown(received.source_addr),
                'sender': quoting.shown(received.instance),
            },
        )


def _guest_time(timeout: float) -> int:
    return int((timeout - GUEST_MARGIN) * 1000)
