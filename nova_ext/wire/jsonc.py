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
"""JSON as the json-c library of the original agents reads and writes it.

Standard library only and Python 3.6, because it is also shipped to guests.
"""

import json
import re
from typing import Any
from typing import Dict
from typing import Optional
from typing import Tuple

#: Deepest nesting that the old agents read; they drop the next level.
MAX_NESTING = 31

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_OPEN = b'{['
_CLOSE = b'}]'


class BadMessage(ValueError):
    """A message is malformed; the text says what was found and wanted."""


def _refuse_constant(name: str) -> Any:
    raise BadMessage('%s is not JSON' % name)


_strict = json.JSONDecoder(parse_constant=_refuse_constant)
# json-c takes raw control characters in strings, so a sender may use them.
_lenient = json.JSONDecoder(parse_constant=_refuse_constant, strict=False)


def dumps(value: Any) -> str:
    r"""Return the value as json-c prints it.

    No spaces, keys in insertion order, ``/`` as ``\/``, other text raw.

    :raises BadMessage: the value holds NaN, an infinity or half a surrogate
        pair, or is no JSON.
    """
    try:
        text = json.dumps(
            value,
            ensure_ascii=False,
            separators=(',', ':'),
            allow_nan=False,
        )
        text.encode('utf-8')
    except (TypeError, ValueError) as error:
        raise BadMessage('the value is not JSON: %s' % error)
    # A solidus can only stand inside a string.
    return text.replace('/', '\\/')


def decode(line: bytes, max_nesting: int = MAX_NESTING) -> str:
    """Return the text of a line, checked for encoding and nesting.

    :raises BadMessage: not UTF-8, or nested deeper than ``max_nesting``.
    """
    if line.count(b'{') + line.count(b'[') > max_nesting:
        _check_nesting(line, max_nesting)
    try:
        return line.decode('utf-8')
    except UnicodeDecodeError:
        raise BadMessage('not UTF-8')


def _check_nesting(line: bytes, max_nesting: int) -> None:
    depth = 0
    for byte in _STRING.sub(b'', line):
        if byte in _OPEN:
            depth += 1
            if depth > max_nesting:
                raise BadMessage('nested deeper than %d' % max_nesting)
        elif byte in _CLOSE:
            depth -= 1


def loads_object(text: str) -> Dict[str, Any]:
    """Return the object at the start of the text; what follows is ignored.

    :raises BadMessage: the text does not start with a whole JSON object.
    """
    try:
        value, _ = _lenient.raw_decode(text.lstrip(' \t\r\n'))
    except BadMessage:
        raise
    # RecursionError is a RuntimeError; ValueError is also raised for
    # numbers of thousands of digits.
    except (ValueError, RecursionError):
        raise BadMessage('not JSON')
    if not isinstance(value, dict):
        raise BadMessage('not a JSON object')
    return value


def value_at(text: str, start: int) -> Optional[Tuple[Any, int]]:
    """Return the strict JSON value that starts exactly there, and its end.

    None when there is none: the caller then takes its slower, lenient way.
    """
    try:
        return _strict.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
