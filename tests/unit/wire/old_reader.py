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

import codecs
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
        # A character may be cut, too.
        decoder = codecs.getincrementaldecoder('utf-8')()
        text = decoder.decode(self._text).lstrip()
        try:
            value, _ = json.JSONDecoder().raw_decode(text)
        except json.JSONDecodeError as error:
            if not unfinished(text, error):
                self._text = b''
        else:
            self.delivered.append(value)
            self._text = b''


def unfinished(text: str, error: json.JSONDecodeError) -> bool:
    """Tell whether more text could make it a value."""
    rest = text[error.pos :]
    return (
        'Unterminated' in error.msg
        or ('escape' in error.msg and len(rest) < len('\\u0000'))
        # Nothing follows, or a word that may go on.
        or any(
            word.startswith(rest) for word in ('true', 'false', 'null', '-')
        )
    )
