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
"""The base layer: who sends what to whom, on each hop of a message.

Standard library only and Python 3.6, because it is also shipped to guests.

A message's ``data`` is carried as *payload*: its JSON text. Where a message
has the layout that all known senders produce, the payload is cut out of the
text and later put into the next hop's envelope as it is; it is parsed once,
to know that it is one JSON value and nothing else. Any other layout is read
key by key and its data printed anew.

=============================== ===========================================
hop                             keys, in the order in which they are written
=============================== ===========================================
guest program -> guest agent    data, version, dest_addr
either agent -> serial port     data, version, dest_addr, source_addr
guest agent -> guest program    data, version, source_addr
host daemon -> host program     data, version, source_addr, source_instance
host program -> host daemon     version, dest_instance, dest_addr, data
=============================== ===========================================
"""

import re
from typing import Any
from typing import Dict
from typing import NamedTuple
from typing import Optional
from typing import Tuple

from nova_ext.wire import addresses
from nova_ext.wire import jsonc
from nova_ext.wire.jsonc import BadMessage

VERSION = 2

_PLAIN = r'"([!#-.0-\[\]-~]{1,200})"'
#: How a message starts in the usual layout.
DATA = '{"data":'
_SERIAL_TAIL = re.compile(
    r',"version":2,"dest_addr":%s,"source_addr":%s\}' % (_PLAIN, _PLAIN)
)
_LOCAL_HEAD = re.compile(
    r'\{"version":2,"dest_instance":%s,"dest_addr":%s,"data":'
    % (_PLAIN, _PLAIN)
)

Serial = NamedTuple(
    'Serial', [('payload', str), ('dest_addr', str), ('source_addr', str)]
)
FromGuestProgram = NamedTuple(
    'FromGuestProgram', [('payload', str), ('dest_addr', str)]
)
FromHostProgram = NamedTuple(
    'FromHostProgram',
    [('payload', str), ('dest_instance', str), ('dest_addr', str)],
)
Delivered = NamedTuple(
    'Delivered',
    [('data', Any), ('source_addr', str), ('source_instance', Optional[str])],
)


def check_version(fields: Dict[str, Any]) -> None:
    """Make sure that ``version`` is 2 as the original readers see it.

    They let json-c turn the value into an integer, so ``"2"`` also passes.

    :raises BadMessage: it is missing, or another one.
    """
    value = fields.get('version')
    if isinstance(value, str):
        good = value.strip() == str(VERSION)
    else:
        good = value == VERSION
    if not good:
        raise BadMessage('version is not %d' % VERSION)


def parse_serial(line: bytes, max_nesting: int = jsonc.MAX_NESTING) -> Serial:
    """Read one line of the serial port, on either side.

    :raises BadMessage: anything is missing, of another type or version.
    """
    text = jsonc.decode(line)
    end = end_of_payload(text, max_nesting)
    addresses_ = serial_tail(text[end:]) if end > 0 else None
    if addresses_ is not None:
        return Serial(text[len(DATA) : end], *addresses_)
    fields = _fields(text, max_nesting)
    return Serial(
        _payload(fields),
        _address(fields.get('dest_addr'), 'dest_addr'),
        _address(fields.get('source_addr'), 'source_addr'),
    )


def end_of_payload(text: str, max_nesting: int = jsonc.MAX_NESTING) -> int:
    """Return where the payload of a message in the usual layout ends.

    0 when the message does not start with its data.

    :raises BadMessage: nested deeper than ``max_nesting``.
    """
    if not text.startswith(DATA):
        return 0
    return max(jsonc.end_of_value(text, len(DATA), max_nesting), 0)


def serial_tail(tail: str) -> Optional[Tuple[str, str]]:
    """Return the addresses in what follows a payload on the serial port.

    None when it has not the usual layout.

    :raises BadMessage: an address is too long.
    """
    match = _SERIAL_TAIL.match(tail)
    if match is None:
        return None
    return (
        _address(match.group(1), 'dest_addr'),
        _address(match.group(2), 'source_addr'),
    )


def serial(payload: str, dest_addr: str, source_addr: str) -> bytes:
    """Return the message for the serial port, without line feeds."""
    return (
        '{"data":%s,"version":2,"dest_addr":%s,"source_addr":%s}'
        % (payload, jsonc.dumps(dest_addr), jsonc.dumps(source_addr))
    ).encode('utf-8')


def parse_guest_program(datagram: bytes) -> FromGuestProgram:
    """Read what a guest's program gave to its agent.

    :raises BadMessage: anything is missing, of another type or version.
    """
    fields = _fields(jsonc.decode(datagram))
    return FromGuestProgram(
        _payload(fields), _address(fields.get('dest_addr'), 'dest_addr')
    )


def from_guest_program(data: Any, dest_addr: str) -> bytes:
    """Return the datagram of a guest's program to its agent."""
    return (
        jsonc.dumps({'data': data, 'version': VERSION, 'dest_addr': dest_addr})
    ).encode('utf-8')


def parse_host_program(packet: bytes) -> FromHostProgram:
    """Read what a host's program gave to the daemon.

    :raises BadMessage: anything is missing, of another type or version.
    """
    text = jsonc.decode(packet)
    match = _LOCAL_HEAD.match(text)
    if match and is_json_c(text):
        start = match.end()
        end = jsonc.end_of_value(text, start, jsonc.MAX_NESTING)
        if end > 0 and text[end:] == '}':
            return FromHostProgram(
                text[start:end],
                _instance(match.group(1)),
                _address(match.group(2), 'dest_addr'),
            )
    fields = _fields(text)
    return FromHostProgram(
        _payload(fields),
        _instance(fields.get('dest_instance')),
        _address(fields.get('dest_addr'), 'dest_addr'),
    )


def is_local_head(head: bytes) -> bool:
    """Tell whether a host's program writes this in front of its data."""
    match = _LOCAL_HEAD.fullmatch(head.decode('ascii', 'replace'))
    return match is not None


def from_host_program(dest_instance: str, dest_addr: str, data: Any) -> bytes:
    """Return the packet of a host's program to the daemon."""
    return (
        '{"version":2,"dest_instance":%s,"dest_addr":%s,"data":%s}'
        % tuple(map(jsonc.dumps, (dest_instance, dest_addr, data)))
    ).encode('utf-8')


def to_guest_program(payload: str, source_addr: str) -> bytes:
    """Return the agent's datagram to a guest's program."""
    return (
        '{"data":%s,"version":2,"source_addr":%s}'
        % (payload, jsonc.dumps(source_addr))
    ).encode('utf-8')


def to_host_program(
    payload: str, source_addr: str, source_instance: str
) -> bytes:
    """Return the daemon's packet to a host's program."""
    return (
        '{"data":%s,"version":2,"source_addr":%s,"source_instance":%s}'
        % (payload, jsonc.dumps(source_addr), jsonc.dumps(source_instance))
    ).encode('utf-8')


def parse_delivered(datagram: bytes) -> Delivered:
    """Read what an agent or the daemon delivered to a program.

    :raises BadMessage: anything is missing, of another type or version.
    """
    fields = _fields(jsonc.decode(datagram))
    return Delivered(
        fields['data'],
        _address(fields.get('source_addr'), 'source_addr'),
        fields.get('source_instance'),
    )


def is_json_c(text: str) -> bool:
    r"""Tell whether the text can be as json-c prints it.

    Other printers leave ``/`` as it is, write non-ASCII as ``\u``, and may
    break lines.
    """
    if '\n' in text or ('\\' in text and '\\u' in text):
        return False
    return '/' not in text or text.count('/') == text.count('\\/')


def _fields(text: str, max_nesting: int = jsonc.MAX_NESTING) -> Dict[str, Any]:
    fields = jsonc.loads_object(text, max_nesting)
    check_version(fields)
    if 'data' not in fields:
        raise BadMessage('data is missing')
    return fields


def _payload(fields: Dict[str, Any]) -> str:
    return jsonc.dumps(fields['data'])


def _address(value: Any, key: str) -> str:
    if not addresses.is_address(value):
        raise BadMessage('%s is missing or no address' % key)
    return str(value)


def _instance(value: Any) -> str:
    if not addresses.is_instance_name(value):
        raise BadMessage('dest_instance is missing or no instance name')
    return str(value)
