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
"""Split the serial port's byte stream into lines, and write such lines.

Standard library only and Python 3.6, because it is also shipped to guests.

The forms that go out (a message never contains a raw line feed):

* guest to host: LF, JSON, LF. The original wrote the three one by one; one
  write is the same stream, and no reader sees a half of it.
* host to guest: JSON, LF, as captured from the original.

The original readers have a flaw: after an unfinished fragment, a read that
*starts* with LF does not discard it, and the next message is lost with it.
A leading LF, even in the same write, therefore heals nothing. Any other byte
before the LF does, and a blank is white space to every reader. A fragment can
only be there when the sender before us died in the middle of a write, so
`RESYNC` goes out once, in the same write as the first message of a new
connection; every later message has the captured bytes.
"""

import io
from typing import List

LF = b'\n'
_LF = LF[0]

#: Sent in front of the first message of a connection.
RESYNC = b' \n'

#: Longest line that a reader keeps, in bytes.
MAX_LINE = 65536


def guest_line(message: bytes) -> bytes:
    """Return the bytes of a message from a guest to its host."""
    return LF + message + LF


def host_line(message: bytes) -> bytes:
    """Return the bytes of a message from a host to its guest."""
    return message + LF


class LineReader(object):
    """Collect the lines of one stream, however its bytes are cut.

    Every LF ends a line, whatever came before it. Empty and blank lines are
    skipped. A line longer than ``max_line`` bytes is dropped up to its LF and
    counted; at most ``max_line`` bytes are kept between two calls.

    :ivar oversized: how many lines were dropped for their length.
    """

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._rest = bytearray()
        self._skipping = False
        self.oversized = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished line that are kept."""
        return len(self._rest)

    @property
    def between_lines(self) -> bool:
        """Whether the next byte is the first of a line."""
        return not self._rest and not self._skipping

    def feed(self, chunk: bytes) -> List[bytes]:
        """Take the next bytes of the stream and return the finished lines."""
        if not self._rest and not self._skipping and chunk.endswith(LF):
            # Mostly a read is one whole message.
            line = chunk.strip(LF)
            if _LF not in line and len(line) <= self._max_line:
                return [line] if line and not line.isspace() else []
        # Splitting at LF would look at each byte.
        pieces = io.BytesIO(chunk).readlines()
        tail = pieces.pop() if pieces and pieces[-1][-1:] != LF else b''
        if pieces and (self._rest or self._skipping):
            pieces[0] = self._finished(pieces[0][:-1]) + LF
        if len(chunk) > self._max_line:
            pieces = [piece for piece in pieces if self._fits(piece)]
        if tail:
            self._keep(tail)
        return [piece[:-1] for piece in pieces if not piece.isspace()]

    def _fits(self, piece: bytes) -> bool:
        fits = len(piece) - 1 <= self._max_line
        self.oversized += not fits
        return fits

    def _finished(self, piece: bytes) -> bytes:
        """Return the line that the piece ends; empty if it was too long."""
        self._keep(piece)
        line = bytes(self._rest)
        self._rest.clear()
        self._skipping = False
        return line

    def _keep(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(piece) > self._max_line:
            self.oversized += 1
            self._skipping = True
            self._rest.clear()
        else:
            self._rest += piece
