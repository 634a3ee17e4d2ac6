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

Source: the channel protocol, section 5. An answer has no correlation id, but
agents echo the request's source address; so each request has a fresh one, and
an answer that comes too late finds nobody.
"""

from collections.abc import Mapping
import time
from typing import Any

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.channel import client
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
            try:
                return _answer(program, instance_name, direction, deadline)
            except exception.ChannelTimeout:
                # The agent drops the request if it has not begun with it.
                _nack(program, instance_name, 'no answer in time')
                raise exception.GuestSilent(timeout=timeout) from None


def _answer(
    program: client.LocalProgram,
    instance_name: str,
    direction: str,
    deadline: float,
) -> int:
    while True:
        received = program.receive(deadline)
        sender = (received.instance, received.source_addr)
        if sender != (instance_name, addresses.SCALE_AGENT):
            LOG.warning(
                'Instance %(instance)s: ignored a message from '
                '%(address)s of instance %(sender)s.',
                {
                    'instance': instance_name,
                    'address': quoting.shown(received.source_addr),
                    'sender': quoting.shown(received.instance),
                },
            )
            continue
        try:
            response = messages.parse_response(received.data, direction)
        except jsonc.BadMessage as error:
            _nack(program, instance_name, str(error))
            continue
        if response.cpu is None:
            raise exception.GuestRefused(
                reason=quoting.shown(response.reason, LONGEST_REASON)
            )
        return response.cpu


def _nack(
    program: client.LocalProgram, instance_name: str, reason: str
) -> None:
    LOG.warning(
        'Instance %(instance)s: nack to its scale agent: %(reason)s.',
        {'instance': instance_name, 'reason': reason},
    )
    program.send(instance_name, addresses.SCALE_AGENT, messages.nack(reason))


def _guest_time(timeout: float) -> int:
    return int((timeout - GUEST_MARGIN) * 1000)
