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
"""What nova-ext-groups-relay does: one host's guests on one side, the message
bus on the other."""

from collections.abc import Callable
import threading
from typing import Protocol

from oslo_log import log as logging

from nova_ext.channel import client
from nova_ext.channel import limits
from nova_ext.channel import listener
from nova_ext.groups import contract
from nova_ext.groups import metrics as metrics_module
from nova_ext.groups import relay_queue
from nova_ext.wire import quoting
from nova_ext.wire import server_group

LOG = logging.getLogger(__name__)

#: Messages that are given to the guest channel without a pause, as many as
#: the kernel keeps unread for a program of a guest, and its seconds: not more
#: than 2 MB a second.
_AT_ONCE = 10
_PAUSE = 0.02

#: Guests whose refusals are remembered; then all start anew.
_MOST_GATES = 4096


class Lost(Exception):
    """The service did not take a message; the text is the reason to count."""


class Asker(Protocol):
    """The way to nova-ext-groups."""

    def ask(self, waiting: relay_queue.Waiting) -> list[contract.Delivery]:
        """Hand a guest's message over; return what is for this host.

        :raises Lost: nobody took it.
        """


class Relay:
    """Takes guests' messages out of the host, and brings others in.

    :param asker: used by every worker thread.
    :param workers: how many threads hand over guests' messages.
    """

    def __init__(
        self,
        queue: relay_queue.RelayQueue,
        asker: Asker,
        metrics: metrics_module.RelayMetrics,
        workers: int,
    ) -> None:
        self._queue = queue
        self._asker = asker
        self._metrics = metrics
        self._closing = threading.Event()
        self._link: listener.Listener | None = None
        # One line and one nack a second are enough for a guest that errs.
        self._gates: dict[str, limits.LogGate] = {}
        # And for what goes wrong here, whoever it was that sent it.
        self._errors = limits.LogGate()
        self._threads = [
            threading.Thread(target=self._work, name='worker', daemon=True)
            for _ in range(workers)
        ]

    def start(self, link: Callable[..., listener.Listener]) -> None:
        """Begin to work; ``link`` makes the link, given `hear`."""
        self._link = link(self.hear)
        for thread in self._threads:
            thread.start()
        self._link.start()

    def close(self) -> None:
        """End; what waits is dropped."""
        self._closing.set()
        if self._link is not None:
            self._link.close()
        self._queue.close()

    def hear(self, received: client.Received) -> None:
        """Take a guest's message, or refuse it."""
        try:
            message = server_group.parse_from_guest(received.data)
        except server_group.Refused as error:
            self._metrics.received('refused')
            self._refuse(received.instance, error.orig_msg_type, str(error))
            return
        kind = _kind(message)
        self._metrics.received(kind)
        if not self._queue.put(received.instance, message):
            self._metrics.lost('guest sends too much')
            self._refuse(received.instance, kind, 'too many messages')

    def deliver(self, deliveries: list[contract.Delivery]) -> None:
        """Give messages to guests of this host.

        Many of them, such as the status of a large group, with pauses: the
        guest channel drops what a guest cannot take, and original agents what
        their program cannot, and without its last message a status is worth
        nothing.
        """
        for number, delivery in enumerate(deliveries, 1):
            if number % _AT_ONCE == 0:
                self._closing.wait(_PAUSE)
            for name in delivery.names:
                if self._link and self._link.send(name, delivery.data):
                    self._metrics.delivered()
                else:
                    self._metrics.lost('guest channel away')

    def _refuse(self, instance: str, orig_msg_type: str, reason: str) -> None:
        if len(self._gates) > _MOST_GATES:
            self._gates.clear()
        gate = self._gates.setdefault(
            instance, limits.LogGate(lines=1, period=1.0)
        )
        log = gate.admit_to(LOG)
        if log is None:
            return
        log.info(
            'Refused a message of %(instance)s: %(reason)s',
            {'instance': quoting.shown(instance), 'reason': reason},
        )
        self._metrics.nacked()
        data = server_group.nack(orig_msg_type, reason)
        self.deliver([contract.Delivery((instance,), data)])

    def _work(self) -> None:
        while (waiting := self._queue.take()) is not None:
            try:
                self.deliver(self._asker.ask(waiting))
            except Lost as error:
                self._metrics.lost(str(error))
            except Exception:
                if log := self._errors.admit_to(LOG):
                    log.exception('Could not pass on a message')
                self._metrics.lost('error')
            finally:
                self._queue.done(waiting.instance)


def _kind(message: server_group.FromGuest) -> str:
    if isinstance(message, server_group.StatusQuery):
        return server_group.STATUS_QUERY
    return server_group.BROADCAST
