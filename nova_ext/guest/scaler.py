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
"""What a scale request does in the guest, and how it is taken back.

A request has a time limit. The application gets most of it; when that is used
up its program is killed and the request fails, with no CPU taken offline
afterwards. (A helper of old cannot spoil a request to go up.) A change whose
answer can no longer reach the host is taken back, so that host and guest agree
about what is online.
"""

import logging
import time
from typing import Any
from typing import Callable
from typing import Dict
from typing import FrozenSet
from typing import Optional

from nova_ext.guest import application
from nova_ext.guest import cpus
from nova_ext.guest import hooks
from nova_ext.guest import mailbox
from nova_ext.guest import runner
from nova_ext.wire import messages

LOG = logging.getLogger(__name__)

#: What is kept of a request's time for the kernel's part and the answer: a
#: share of it, but not more than so many seconds.
RESERVED_SHARE = 0.2
RESERVED = 1.0

#: Seconds after its arrival before which a request changes nothing. What was
#: queued on the host while the guest did not listen arrives all at once: this
#: lets the nack, or the newer request, that makes this one void catch up. A
#: program of the application runs in this time.
SETTLE = 0.01

#: When the request does not say, or says less than any host waits.
DEFAULT_TIMEOUT_MS = 9000
LEAST_TIMEOUT_MS = 250

#: An hour, longer than any host waits: a number may have hundreds of digits,
#: and clocks and waits of the system take no more than some dozen.
MOST_TIMEOUT_MS = 3600000


class Void(Exception):
    """Nobody waits for the answer; the text says why."""


class Outcome(object):
    """An answer, and how to take back what it reports.

    :param answer: the message for the host.
    :param undo: restores the state of a CPU.
    :param cpu: this one.
    :param changed: whether its state was another one before.
    """

    def __init__(
        self,
        answer: Dict[str, Any],
        undo: Optional[Callable[[int], object]] = None,
        cpu: int = 0,
        changed: bool = False,
    ) -> None:
        self.answer = answer
        self._undo = undo if changed else None
        self._cpu = cpu

    def undo(self) -> None:
        """Restore what was online before."""
        if self._undo is None:
            return
        try:
            self._undo(self._cpu)
        except cpus.CpuError as error:
            LOG.error('Cannot take the change back: %s', str(error).strip())
            return
        LOG.warning('Took the change back.')


def deadline(data: Dict[str, Any], arrived: float) -> float:
    """Return the `time.monotonic` seconds at which the request ends.

    The host waits half a second longer than ``timeout_ms``.
    """
    timeout = messages.integer(data.get('timeout_ms'))
    if timeout is None:
        timeout = DEFAULT_TIMEOUT_MS
    bounded = min(max(timeout, LEAST_TIMEOUT_MS), MOST_TIMEOUT_MS)
    return arrived + bounded / 1000.0


class Scaler(object):
    """Carries requests out.

    :param processors: the guest's CPUs.
    :param says: the application.
    """

    def __init__(
        self, processors: cpus.Cpus, says: application.Application
    ) -> None:
        self._cpus = processors
        self._application = says

    def serve(self, request: mailbox.Request) -> Outcome:
        """Carry a request out, or say why that failed.

        :raises Void: it was overtaken before anything was changed.
        """
        data = request.data
        work = {messages.DOWN: self._down, messages.UP: self._up}.get(
            str(data['direction'])
        )
        if work is None or data['resource'] != messages.CPU:
            return Outcome(messages.echo(data))
        self._check(request)
        left = request.deadline - time.monotonic()
        until = request.deadline - min(left * RESERVED_SHARE, RESERVED)
        limit = runner.Limit(until, lambda: request.void, request.wake)
        try:
            return work(request, limit)
        except (cpus.CpuError, hooks.Refused, runner.Timeout) as error:
            self._check(request)
            LOG.warning('Cannot scale: %s', str(error).strip())
            return Outcome(messages.failed(data, str(error)))

    def _online(self) -> FrozenSet[int]:
        """Return what is online, where not to know it spoils nothing."""
        try:
            return self._cpus.online()
        except cpus.CpuError as error:
            LOG.warning('%s', error)
            return frozenset()

    @staticmethod
    def _check(request: mailbox.Request) -> None:
        if request.void:
            raise Void(request.void)

    def _settle(self, request: mailbox.Request) -> None:
        """Do not go on before the request can be believed."""
        # A program that has ended has set it. Being void is noted elsewhere
        # and is looked at after this.
        request.wake.clear()
        self._check(request)
        left = request.arrived + SETTLE - time.monotonic()
        if left > 0:
            request.wake.wait(left)
            self._check(request)

    def _down(self, request: mailbox.Request, limit: runner.Limit) -> Outcome:
        hint = messages.integer(request.data.get('offline_cpu'))
        cpu = hint
        if cpu is None:
            cpu = self._application.choose(self._online(), limit)
        if cpu is None:
            cpu = self._cpus.highest()
        if cpu <= 0:
            raise cpus.CpuError('cpu %d cannot go offline' % cpu)
        self._settle(request)
        # The host has already taken the core of a CPU that it names.
        required = hint is not None
        online = self._online()
        if cpu in online:
            self._application.leave(cpu, online, required, limit)
        try:
            self._check(request)
            changed = self._cpus.take_offline(cpu)
        except (Void, cpus.CpuError):
            if cpu in online:
                self._application.returned(cpu, self._online())
            raise
        answer = messages.done(request.data, cpu, self._online())
        LOG.info('cpu %d is offline.', cpu)
        return Outcome(answer, self._bring_back, cpu, changed)

    def _bring_back(self, cpu: int) -> None:
        self._cpus.bring_online(cpu)
        self._application.returned(cpu, self._online())

    def _up(self, request: mailbox.Request, limit: runner.Limit) -> Outcome:
        cpu = messages.integer(request.data.get('online_cpu'))
        wanted = messages.integers(request.data.get('online_cpus'))
        if cpu is None or wanted is None:
            raise cpus.CpuError('online_cpu or online_cpus is missing')
        self._settle(request)
        changed = self._cpus.bring_online(cpu)
        LOG.info('cpu %d is online.', cpu)
        try:
            self._application.join(cpu, self._online(), wanted, limit)
        except hooks.Refused:
            if changed:
                self._cpus.take_offline(cpu)
            raise
        answer = messages.done(request.data, cpu, self._online())
        return Outcome(answer, self._withdraw, cpu, changed)

    def _withdraw(self, cpu: int) -> None:
        self._application.withdrawn(cpu, self._online())
        self._cpus.take_offline(cpu)
