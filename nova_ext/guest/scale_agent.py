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
"""guest_scale_agent: takes CPUs offline and online when the host asks.

One thread receives, so that the time at which a request arrived is known and
a newer one is noticed; another works. The address is bound first and the CPUs
that the host has parked go offline next; only then are requests served, and
the host is told so: it may have parked CPUs that the guest had no way to know.
"""

import logging
import select
import socket
import threading
import time
from typing import Callable
from typing import Optional

from nova_ext.guest import announce
from nova_ext.guest import application
from nova_ext.guest import cpus
from nova_ext.guest import mailbox
from nova_ext.guest import scaler
from nova_ext.guest import sockets
from nova_ext.guest import wake
from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import messages
from nova_ext.wire import quoting
from nova_ext.wire.jsonc import BadMessage

LOG = logging.getLogger(__name__)


class ScaleAgent(object):
    """The scale agent of one guest.

    :param processors: the guest's CPUs.
    :param says: the application.
    :param space: where the programs' addresses live.
    :param at_boot: takes the CPUs offline that the host has parked.
    :param announcer: tells the host when requests are served.
    :ivar serving: set once requests are served.
    """

    def __init__(
        self,
        processors: Optional[cpus.Cpus] = None,
        says: Optional[application.Application] = None,
        space: Optional[sockets.Space] = None,
        at_boot: Callable[[], object] = lambda: None,
        announcer: Callable[..., object] = announce.until_heard,
    ) -> None:
        self._cpus = processors or cpus.Cpus()
        self._scaler = scaler.Scaler(
            self._cpus, says or application.Application()
        )
        self._space = space or sockets.Space()
        self._at_boot = at_boot
        self._announce = announcer
        self._mailbox = mailbox.Mailbox()
        self._wake = wake.Wake()
        self.serving = threading.Event()

    def stop(self) -> None:
        """End `run` soon; callable from signal handlers and threads."""
        self._wake.set()

    def run(self) -> None:
        """Serve until `stop` is called."""
        sock = self._space.bind_when_free(
            addresses.SCALE_AGENT, self._wake.wait
        )
        if sock is None:
            self._wake.close()
            return
        receiver = threading.Thread(target=self._receive, args=(sock,))
        receiver.start()
        # In a thread, because the metadata service may take its time and a
        # stop must not wait for it.
        threading.Thread(target=self._boot, daemon=True).start()
        self.serving.wait()
        announcer = threading.Thread(
            target=self._announce,
            args=(self._cpus, self._space, sock, self._wake.wait),
        )
        announcer.start()
        try:
            self._work(sock)
        finally:
            self.stop()
            receiver.join()
            announcer.join()
            sock.close()
            self._wake.close()

    def _boot(self) -> None:
        try:
            self._at_boot()
        except Exception:
            LOG.exception('Taking the parked CPUs offline failed')
        finally:
            self.serving.set()

    def _receive(self, sock: socket.socket) -> None:
        while True:
            stop = self._wake.fileno()
            if stop in select.select([sock.fileno(), stop], [], [])[0]:
                break
            try:
                datagram = sock.recv(sockets.MAX_DATAGRAM)
            except BlockingIOError:
                continue
            self._read(datagram, time.monotonic())
        self._mailbox.close()
        self.serving.set()

    def _read(self, datagram: bytes, arrived: float) -> None:
        try:
            message = header.parse_delivered(datagram)
            data = message.data
            if not isinstance(data, dict):
                raise BadMessage('data is not an object')
            if not header.is_version(data.get('version')):
                raise BadMessage('its version is not %d' % header.VERSION)
            kind = data.get('msg_type')
            if kind == messages.NACK:
                self._note_nack(message.source_addr, data.get('log_msg'))
                return
            if kind != messages.SCALE_REQUEST:
                raise BadMessage('msg_type is unknown')
            if 'resource' not in data or 'direction' not in data:
                raise BadMessage('resource or direction is missing')
        except BadMessage as error:
            LOG.warning(
                'Ignored a message: %s: %s', error, quoting.shown(datagram)
            )
            return
        deadline = scaler.deadline(data, arrived)
        self._mailbox.put(mailbox.Request(message.source_addr, data, deadline))

    def _note_nack(self, source: str, reason: object) -> None:
        LOG.warning('The host complains: %s', quoting.shown(reason, 200))
        self._mailbox.cancel(source)

    def _work(self, sock: socket.socket) -> None:
        while True:
            request = self._mailbox.take()
            if request is None:
                return
            try:
                outcome = self._scaler.serve(request)
            except scaler.Void as error:
                LOG.warning('Dropped a scale request: %s.', error)
                continue
            failure = request.void or self._answer(sock, request, outcome)
            if failure is not None:
                LOG.warning('A scale request gets no answer: %s.', failure)
                outcome.undo()

    def _answer(
        self,
        sock: socket.socket,
        request: mailbox.Request,
        outcome: scaler.Outcome,
    ) -> Optional[str]:
        datagram = header.from_guest_program(outcome.answer, request.source)
        return self._space.send(sock, datagram, addresses.AGENT)
