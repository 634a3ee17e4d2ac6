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
from typing import Callable
from typing import Dict
from typing import Tuple

#: Deepest nesting that the old agents read; they drop the next level.
MAX_NESTING = 31

_CONTROL = re.compile(rb'[\x00-\x1f]')
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTAINERS = frozenset((dict, list))


class BadMessage(ValueError):
    """A message is malformed; the text says what was found and wanted."""


def _refuse_constant(name: str) -> Any:
    raise BadMessage('%s is not JSON' % name)


_strict = json.JSONDecoder(parse_constant=_refuse_constant)
# The type stubs leave this one out.
_scan: Callable[[str, int], Tuple[Any, int]] = getattr(_strict, 'scan_once')
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


def decode(line: bytes) -> str:
    """Return the text of a line.

    :raises BadMessage: not UTF-8.
    """
    try:
        return line.decode('utf-8')
    except UnicodeDecodeError:
        raise BadMessage('not UTF-8')


def loads_object(text: str, max_nesting: int = MAX_NESTING) -> Dict[str, Any]:
    """Return the object at the start of the text; what follows is ignored.

    :raises BadMessage: the text does not start with a whole JSON object, or
        one that is nested deeper than ``max_nesting``.
    """
    try:
        value, _ = _lenient.raw_decode(text.lstrip(' \t\r\n'))
    except BadMessage:
        raise
    except RecursionError:
        raise _too_deep(max_nesting)
    # Also raised for numbers of thousands of digits.
    except ValueError:
        raise BadMessage('not JSON')
    if not isinstance(value, dict):
        raise BadMessage('not a JSON object')
    check_nesting(value, max_nesting)
    return value


def end_of_value(text: str, start: int, max_nesting: int) -> int:
    """Return where the strict JSON value that starts exactly there ends.

    -1 when there is none: the caller then takes its slower, lenient way.

    :raises BadMessage: the value, a member of an object that counts too, is
        nested deeper than ``max_nesting``.
    """
    try:
        value, end = _scan(text, start)
    except (StopIteration, ValueError):
        return -1
    except RecursionError:
        raise _too_deep(max_nesting)
    # Mostly it is one flat object.
    if '[' in text or text.find('{', start + 1) >= 0:
        check_nesting(value, max_nesting, 1)
    return end


def escaped(message: bytes) -> bytes:
    """Return JSON with the control characters in its texts as escapes.

    Readers other than json-c take them no other way.
    """
    if _CONTROL.search(message) is None:
        return message
    return _TEXT.sub(
        lambda text: _CONTROL.sub(
            lambda found: b'\\u%04x' % ord(found.group()), text.group()
        ),
        message,
    )


def check_nesting(value: Any, most: int, depth: int = 0) -> None:
    """Look at the objects and arrays of a value, one level after the other.

    :param depth: of what the value stands in.
    :raises BadMessage: they are nested deeper than ``most``.
    """
    level = [value] if type(value) in _CONTAINERS else []
    while level:
        depth += 1
        if depth > most:
            raise _too_deep(most)
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]


def _too_deep(most: int) -> BadMessage:
    return BadMessage('nested deeper than %d' % most)
