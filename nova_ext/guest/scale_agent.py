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

Only root orders, that is guest_agent, ours or the original, which needs root
for the serial port; with root the user that runs this program, which is root
as well but in tests. Any process of a guest can send to an abstract address.
"""

import logging
import os
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
        self._masters = frozenset((0, os.geteuid()))
        self._has_refused = False
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
        stop = self._wake.fileno()
        try:
            while stop not in select.select([sock.fileno(), stop], [], [])[0]:
                self._take(sock)
        finally:
            # Whatever ends this thread ends the process, for its supervisor
            # to see: no agent lives on and hears nothing.
            self._mailbox.close()
            self.serving.set()

    def _take(self, sock: socket.socket) -> None:
        try:
            datagram, user = sockets.receive(sock)
        except BlockingIOError:
            return
        if user not in self._masters:
            self._refuse(user)
            return
        try:
            self._read(datagram, time.monotonic())
        except Exception:
            LOG.exception('Cannot read: %s', quoting.shown(datagram))

    def _refuse(self, user: Optional[int]) -> None:
        """Log the first one only: any process could fill the log."""
        if not self._has_refused:
            LOG.warning(
                'Ignored a message of the user with ID %s, and others like it '
                'from now on without a word: only root may ask to scale. Run '
                'guest_agent as root, if it is that one.',
                user,
            )
        self._has_refused = True

    def _read(self, datagram: bytes, arrived: float) -> None:
        try:
            message = header.parse_delivered(datagram)
            data = message.data
            if not isinstance(data, dict):
                raise BadMessage('data is not an object')
            header.check_version(data)
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
                self._serve(sock, request)
            except Exception:
                LOG.exception('A scale request failed and gets no answer')

    def _serve(self, sock: socket.socket, request: mailbox.Request) -> None:
        try:
            outcome = self._scaler.serve(request)
        except scaler.Void as error:
            LOG.warning('Dropped a scale request: %s.', error)
            return
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
        try:
            datagram = header.from_guest_program(
                outcome.answer, request.source
            )
        except BadMessage as error:
            return str(error)
        return self._space.send(sock, datagram, addresses.AGENT)
