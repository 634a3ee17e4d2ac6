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
"""The guest's end of the virtio-serial port, which comes and goes.

The device is missing on hosts without the channel, is owned by one process
at a time, and tells by an empty read that nobody is connected on the host.
"""

import errno
import logging
import os
import time
from typing import Callable
from typing import List
from typing import Optional

from nova_ext.wire import addresses
from nova_ext.wire import framing

LOG = logging.getLogger(__name__)

#: Seconds between two attempts to open the device.
RETRY = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)

#: Bytes that wait while the host is connected but slow.
MAX_UNSENT = 262144

_READ = 65536

_REASONS = {
    errno.ENOENT: 'it does not exist: this host gives the server no channel',
    errno.EBUSY: 'another program has opened it',
}


def open_device(path: str) -> int:
    """Open the device as the agents do, for both ways and non-blocking."""
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


class Port(object):
    """Lines from the host, and messages to it.

    :param path: the device.
    :param opener: opens it and returns a file descriptor.
    """

    def __init__(
        self,
        path: str = addresses.PORT_PATH,
        opener: Callable[[str], int] = open_device,
    ) -> None:
        self._path = path
        self._opener = opener
        self._attempt = 0
        self._open_at = 0.0
        self._complaint: Optional[int] = None
        self.fd: Optional[int] = None
        self.host_present = False
        self._lines = framing.LineReader()
        self._unsent = bytearray()
        self._fresh = True

    def open(self) -> float:
        """Open the device when it is due.

        :returns: the seconds until the next attempt; 0 when it is open.
        """
        wait = self._open_at - time.monotonic()
        if wait > 0:
            return wait
        try:
            self.fd = self._opener(self._path)
        except OSError as error:
            return self._complain(error)
        LOG.info('Opened %s.', self._path)
        self._complaint = None
        # Only an empty read says that the host is away.
        self.host_present = True
        self._forget()
        return 0.0

    def _complain(self, error: OSError) -> float:
        if self._complaint != error.errno:
            LOG.warning(
                'Cannot open %s: %s. Trying again until it works.',
                self._path,
                _REASONS.get(error.errno or 0, error.strerror),
            )
        self._complaint = error.errno
        return self._back_off()

    def _back_off(self) -> float:
        delay = RETRY[min(self._attempt, len(RETRY) - 1)]
        self._attempt += 1
        self._open_at = time.monotonic() + delay
        return delay

    def close(self) -> None:
        """Close the device, if it is open."""
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None

    def receive(self) -> List[bytes]:
        """Return the lines that have arrived, after reading all there is."""
        lines: List[bytes] = []
        while self.fd is not None:
            try:
                chunk = os.read(self.fd, _READ)
            except BlockingIOError:
                self._note_host(True)
                return lines
            except OSError as error:
                self._lost(error)
                return lines
            if not chunk:
                self._note_host(False)
                return lines
            self._note_host(True)
            self._attempt = 0
            lines.extend(self._lines.feed(chunk))
        return lines

    def send(self, message: bytes) -> Optional[str]:
        """Send a message to the host; return why it was dropped, or None."""
        if self.fd is None:
            return 'the port is not open'
        line = framing.guest_line(message)
        if len(line) > framing.MAX_LINE:
            return '%d bytes are longer than a line may be' % len(line)
        if len(self._unsent) + len(line) > MAX_UNSENT:
            return 'the host does not read'
        if self._fresh:
            line = framing.RESYNC[:1] + line
        self._unsent += line
        self.flush()
        if not self.host_present:
            return 'the host is away'
        self._fresh = False
        return None

    def flush(self) -> None:
        """Send what an earlier call could not."""
        while self._unsent and self.fd is not None:
            try:
                sent = os.write(self.fd, self._unsent)
            except BlockingIOError:
                # Either the host reads slowly, or it is not there.
                if not self.host_present:
                    self._forget()
                return
            except OSError as error:
                self._lost(error)
                return
            self._note_host(True)
            del self._unsent[:sent]

    def _note_host(self, present: bool) -> None:
        if present == self.host_present:
            return
        self.host_present = present
        LOG.warning('The host %s the port.', 'opened' if present else 'left')
        if not present:
            self._forget()

    def _forget(self) -> None:
        self._lines = framing.LineReader()
        self._unsent.clear()
        self._fresh = True

    def _lost(self, error: OSError) -> None:
        LOG.warning('Lost %s: %s.', self._path, error.strerror)
        self.host_present = False
        self._forget()
        self.close()
        self._back_off()
