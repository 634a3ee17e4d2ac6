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
"""A program address that is held for as long as a service lives."""

from collections.abc import Callable
from collections.abc import Mapping
import threading
import time
from typing import Any

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.channel import limits
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

#: Pauses, in seconds, between two attempts to bind the address: each is twice
#: as long as the last.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
#: How soon `close` is noticed, in seconds.
_PATIENCE = 1.0


class Listener:
    """A thread that holds an address at nova-ext-channel, and listens.

    It binds the address whenever it can, and outlives the daemon's restarts
    and whatever goes wrong with one message.

    :param socket_path: ``[nova_ext_channel]local_socket``.
    :param address: such as `wire.addresses.SERVER_GROUP`.
    :param hear: called with each message of a guest, in the thread; must be
        quick.
    :param report: called in the thread with what is wrong with the address at
        each attempt to bind it, or None when it is bound.
    :param lost: called with the reason for each message that is lost here.
    """

    def __init__(
        self,
        socket_path: str,
        address: str,
        hear: Callable[[client.Received], None],
        report: Callable[[str | None], None],
        lost: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._path = socket_path
        self._address = address
        self._hear = hear
        self._report = report
        self._lost = lost
        self._gate = limits.LogGate()
        self._lock = threading.Lock()
        self._program: client.LocalProgram | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name='nova-ext ' + address, daemon=True
        )

    def start(self) -> None:
        """Bind the address now or later, and listen."""
        self._thread.start()

    def close(self) -> None:
        """Free the address, also if it was never started."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE + client.DAEMON_TIMEOUT)

    def send(self, instance: str, data: Mapping[str, Any]) -> bool:
        """Give a message for the same address in a guest to the channel;
        false if it is away."""
        with self._lock:
            if self._program is None:
                return False
            try:
                self._program.send(instance, self._address, data)
            except exception.ChannelUnavailable as error:
                LOG.debug('%s', error)
                return False
        return True

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            try:
                with client.LocalProgram(self._path, self._address) as program:
                    pause = _FIRST_PAUSE
                    self._report(None)
                    self._serve(program)
            except (
                exception.ChannelUnavailable,
                exception.AddressInUse,
            ) as error:
                self._report(str(error))
            except Exception:
                # Nobody starts this thread again, and what is wrong may pass,
                # such as a lack of descriptors.
                LOG.exception('Listening at %s failed', self._address)
                self._report('failed, see the log')
                pause = _LONGEST_PAUSE
            self._closing.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _serve(self, program: client.LocalProgram) -> None:
        with self._lock:
            self._program = program
        try:
            while not self._closing.is_set():
                try:
                    message = program.receive(time.monotonic() + _PATIENCE)
                except exception.ChannelTimeout:
                    continue
                self._take(message)
        finally:
            with self._lock:
                self._program = None

    def _take(self, message: client.Received) -> None:
        """Let no message of one guest end the connection for all."""
        try:
            self._hear(message)
        except Exception:
            self._lost('error')
            if log := self._gate.admit_to(LOG):
                log.exception(
                    'Could not take a message of %s',
                    quoting.shown(message.instance),
                )
