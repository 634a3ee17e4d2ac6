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
"""The server-group messages: the ``data`` objects of ``cgcs.server_grp``.

Standard library only and Python 3.6, because it is also shipped to guests.
Both ends use the same address, and every message has a ``msg_type``:

==================== ============== =======================================
msg_type             way            other keys
==================== ============== =======================================
broadcast            guest to host  data (text)
broadcast            host to guest  source_instance, data (text)
status_query         guest to host  seq
status_response      host to guest  seq, data (one server)
status_response_done host to guest  seq
notification         host to guest  data (event_type, payload, ...)
nack                 host to guest  orig_msg_type, log_msg
==================== ============== =======================================

Builders return plain dicts whose keys are in the order of the original
programs. The original host writes the word "version" in place of the number
in a broadcast, and repeats the last server in ``done``; we write 2 and
nothing, and what reads a host's messages looks at neither, as the original
guest library.
"""

from typing import Any
from typing import Dict
from typing import NamedTuple
from typing import Optional
from typing import Union

from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire import quoting
from nova_ext.wire.jsonc import BadMessage
from nova_ext.wire.messages import integer

ADDRESS = addresses.SERVER_GROUP

BROADCAST = 'broadcast'
STATUS_QUERY = 'status_query'
STATUS_RESPONSE = 'status_response'
STATUS_DONE = 'status_response_done'
NOTIFICATION = 'notification'
NACK = 'nack'

#: Buffer of the original library and of the original host service, in bytes.
#: A datagram, with its envelope, must be shorter to be read whole.
MAX_DATAGRAM = 4096

#: Longest text of a broadcast, in bytes of UTF-8, as the SDK promises.
MAX_TEXT = 3050

#: Largest ``seq``; the original counts in 32 bits and wraps.
MAX_SEQ = 2**63 - 1

UNKNOWN = 'unknown'

# The longest instance name that the original host agent holds.
_LONGEST_INSTANCE = 'x' * 19
_SHOWN_TYPE = 64

Data = Dict[str, Any]

#: ``source_instance`` is empty on the way to the host: only the host says it.
Broadcast = NamedTuple('Broadcast', [('text', str), ('source_instance', str)])
StatusQuery = NamedTuple('StatusQuery', [('seq', int)])
StatusResponse = NamedTuple('StatusResponse', [('seq', int), ('server', Data)])
StatusDone = NamedTuple('StatusDone', [('seq', int)])
#: ``event`` has the keys event_type, payload, priority and timestamp.
Notification = NamedTuple('Notification', [('event', Data)])
Nack = NamedTuple('Nack', [('orig_msg_type', str), ('log_msg', str)])

FromGuest = Union[Broadcast, StatusQuery]
FromHost = Union[Broadcast, StatusResponse, StatusDone, Notification, Nack]


class Refused(BadMessage):
    """A guest's message that the host cannot use; nack it with the text.

    :ivar orig_msg_type: what the nack names; "unknown" if it has no type.
    """

    def __init__(self, orig_msg_type: str, reason: str) -> None:
        super(Refused, self).__init__(reason)
        self.orig_msg_type = orig_msg_type


class TooLong(ValueError):
    """A broadcast that not every guest can read; the text says how long."""


def broadcast(text: str) -> Data:
    """Return a guest's broadcast.

    :raises TooLong: more than `MAX_TEXT` bytes, or so much of it has to be
        escaped that the original programs' buffers do not hold it.
    :raises BadMessage: it holds half a surrogate pair.
    """
    data = {'version': header.VERSION, 'msg_type': BROADCAST, 'data': text}
    size = host_size(data)
    length = len(text.encode('utf-8'))
    if length > MAX_TEXT:
        raise TooLong(
            'The text has %d bytes; a broadcast carries at most %d: send '
            'it in parts.' % (length, MAX_TEXT)
        )
    size = max(size, guest_size(forwarded(_LONGEST_INSTANCE, text)))
    if size >= MAX_DATAGRAM:
        raise TooLong(
            'The message has %d bytes with its envelope and with quotes, '
            'slashes and control characters escaped; it must be shorter '
            'than %d: send the text in parts.' % (size, MAX_DATAGRAM)
        )
    return data


def forwarded(source_instance: str, text: str) -> Data:
    """Return the host's broadcast to the other guests."""
    return {
        'version': header.VERSION,
        'msg_type': BROADCAST,
        'source_instance': source_instance,
        'data': text,
    }


def status_query(seq: int) -> Data:
    """Return a guest's question for the status of all servers."""
    return {
        'version': header.VERSION,
        'msg_type': STATUS_QUERY,
        'seq': seq,
    }


def status_response(seq: int, server: Data) -> Data:
    """Return the host's answer about one server."""
    return {
        'version': header.VERSION,
        'msg_type': STATUS_RESPONSE,
        'seq': seq,
        'data': server,
    }


def status_done(seq: int) -> Data:
    """Return the host's last answer to a status query."""
    return {'version': header.VERSION, 'msg_type': STATUS_DONE, 'seq': seq}


def notification(event: Data) -> Data:
    """Return the host's news of another server."""
    return {
        'version': header.VERSION,
        'msg_type': NOTIFICATION,
        'data': event,
    }


def nack(orig_msg_type: str, reason: str) -> Data:
    """Return the host's refusal of a guest's message."""
    return {
        'version': header.VERSION,
        'msg_type': NACK,
        'orig_msg_type': orig_msg_type,
        'log_msg': reason,
    }


def guest_size(data: Any) -> int:
    """Return how long a message's datagram to a guest's program is.

    :raises BadMessage: the data is no JSON.
    """
    return len(header.to_guest_program(jsonc.dumps(data), ADDRESS))


def host_size(data: Any, source_addr: str = ADDRESS) -> int:
    """Return how long its datagram to a program of an original host can be.

    :param source_addr: the address of the guest's program that sends it.
    :raises BadMessage: the data is no JSON.
    """
    return len(
        header.to_host_program(
            jsonc.dumps(data), source_addr, _LONGEST_INSTANCE
        )
    )


def too_long(size: int) -> str:
    """Return why a message is refused whose `guest_size` is too large."""
    return (
        'the message has %d bytes on its way to a guest; wanted less than %d'
        % (size, MAX_DATAGRAM)
    )


def parse_from_guest(data: Any) -> FromGuest:
    """Read a guest's message, on the host.

    A broadcast may be longer than the SDK promises, as the original host
    lets it, if the other guests' buffers hold it with a sender's name of up
    to 19 characters; whoever forwards it knows the name, and must look again.

    :raises Refused: it is not usable.
    """
    if not isinstance(data, dict):
        raise Refused(UNKNOWN, 'data is not an object')
    kind = data.get('msg_type')
    named = _type_shown(kind)
    try:
        header.check_version(data)
    except BadMessage as error:
        raise Refused(named, str(error))
    if kind == BROADCAST:
        return Broadcast(_text_of(data.get('data'), named), '')
    if kind == STATUS_QUERY:
        seq = _seq(data)
        if seq is None:
            raise Refused(named, 'seq is missing or no number')
        return StatusQuery(seq)
    raise Refused(named, 'msg_type is not "broadcast" or "status_query"')


def parse_from_host(data: Any) -> FromHost:
    """Read a host's message, in a guest, of this host or the original.

    :raises BadMessage: it is not usable.
    """
    if not isinstance(data, dict):
        raise BadMessage('data is not an object')
    kind = data.get('msg_type')
    content = data.get('data')
    if kind == BROADCAST:
        text = content if isinstance(content, str) else jsonc.dumps(content)
        return Broadcast(text, str(data.get('source_instance', '')))
    if kind == NACK:
        return Nack(
            str(data.get('orig_msg_type', UNKNOWN)),
            str(data.get('log_msg', 'no reason given')),
        )
    if kind == NOTIFICATION:
        return Notification(_object(content))
    if kind in (STATUS_RESPONSE, STATUS_DONE):
        seq = _seq(data)
        if seq is None:
            raise BadMessage('seq is missing or no number')
        if kind == STATUS_DONE:
            return StatusDone(seq)
        return StatusResponse(seq, _object(content))
    raise BadMessage('msg_type %s is not known' % quoting.shown(kind))


def _type_shown(kind: Any) -> str:
    if not isinstance(kind, str):
        return UNKNOWN
    return ascii(kind[:_SHOWN_TYPE])[1:-1]


def _text_of(text: Any, named: str) -> str:
    if not isinstance(text, str):
        raise Refused(named, 'data is not a string')
    try:
        size = guest_size(forwarded(_LONGEST_INSTANCE, text))
    except BadMessage:
        raise Refused(named, 'data is not Unicode text')
    if size >= MAX_DATAGRAM:
        raise Refused(named, too_long(size))
    return text


def _seq(data: Data) -> Optional[int]:
    seq = integer(data.get('seq'))
    return seq if seq is not None and abs(seq) <= MAX_SEQ else None


def _object(value: Any) -> Data:
    if not isinstance(value, dict):
        raise BadMessage('data is not an object')
    return value
