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
"""The reader of the original agents, as their captures show it to work."""

import json

LF = b'\n'


class OldReader:
    """A line splitter in front of a streaming JSON parser."""

    def __init__(self) -> None:
        self._text = b''
        self.delivered: list[object] = []

    def read(self, chunk: bytes) -> None:
        """Take what one read() returned."""
        *ended, tail = chunk.split(LF)
        for piece in ended:
            # The flaw: nothing is reset at a line feed without a piece.
            if piece:
                self._parse(piece)
                self._text = b''
        if tail:
            self._parse(tail)

    def _parse(self, piece: bytes) -> None:
        self._text += piece
        text = self._text.decode('utf-8').lstrip()
        try:
            value, _ = json.JSONDecoder().raw_decode(text)
        except json.JSONDecodeError as error:
            unfinished = error.pos >= len(text) or 'Unterminated' in str(error)
            if not unfinished:
                self._text = b''
        else:
            self.delivered.append(value)
            self._text = b''
