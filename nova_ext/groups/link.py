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
"""The relay's end of the guest channel of its host."""

from collections.abc import Callable
import threading
import time

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.channel import limits
from nova_ext.groups import contract
from nova_ext.wire import quoting
from nova_ext.wire import server_group

LOG = logging.getLogger(__name__)

#: Longest pause, in seconds, between two attempts to bind the address.
_LONGEST_PAUSE = 5.0
_FIRST_PAUSE = 0.2
#: How soon `close` is noticed, in seconds.
_PATIENCE = 1.0


class Link:
    """Holds the groups' address at nova-ext-channel, for as long as it lives.

    :param socket_path: ``[nova_ext_channel]local_socket``.
    :param hear: called with each message of a guest, in one thread.
    :param report: called with what is wrong with the link, or None.
    :param lost: called with the reason for each message that is lost here.
    """

    def __init__(
        self,
        socket_path: str,
        hear: Callable[[client.Received], None],
        report: Callable[[str | None], None],
        lost: Callable[[str], None],
    ) -> None:
        self._path = socket_path
        self._hear = hear
        self._report = report
        self._lost = lost
        self._gate = limits.LogGate()
        self._lock = threading.Lock()
        self._program: client.LocalProgram | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name='guest channel', daemon=True
        )

    def start(self) -> None:
        """Bind the address now or later, and listen."""
        self._thread.start()

    def close(self) -> None:
        """Free the address."""
        self._closing.set()
        self._thread.join()

    def send(self, delivery: contract.Delivery, name: str) -> bool:
        """Give a message for one guest to the channel; false if it is away."""
        with self._lock:
            if self._program is None:
                return False
            try:
                self._program.send(name, server_group.ADDRESS, delivery.data)
            except exception.ChannelUnavailable as error:
                LOG.debug('%s', error)
                return False
        return True

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            try:
                with client.LocalProgram(
                    self._path, server_group.ADDRESS
                ) as program:
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
                LOG.exception('The link to the guest channel failed')
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
        """Let no message of one guest end the link of all."""
        try:
            self._hear(message)
        except Exception:
            self._lost('error')
            if log := self._gate.admit_to(LOG):
                log.exception(
                    'Could not take a message of %s',
                    quoting.shown(message.instance),
                )
