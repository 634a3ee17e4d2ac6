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
"""The packets by which a host's program binds its address at the daemon.

The socket is AF_UNIX, SOCK_SEQPACKET. The first packet of a connection binds
an address and is answered; every later one holds messages of
`nova_ext.wire.header`: one to the daemon; from the daemon one or, when several
have come at once, more with line feeds between them, which no message of it
contains. The end of the connection frees the address.

A message is JSON as json-c reads it: texts may hold control characters other
than line feeds as they are, which strict readers refuse.
"""

from typing import Any

from nova_ext.wire import addresses
from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire.jsonc import BadMessage

#: Longest packet in either direction, in bytes. From 128 KiB on, memory for a
#: read would be asked of the kernel every time.
MAX_PACKET = 114688

ADDRESS_IN_USE = 'address in use'


def bind_packet(address: str) -> bytes:
    """Return the packet that asks for an address."""
    return _packet('bind', address)


def parse_bind(packet: bytes) -> str:
    """Return the address that a first packet asks for.

    :raises BadMessage: it is no such packet, or no address.
    """
    fields = _fields(packet)
    address = fields.get('bind')
    if not addresses.is_address(address):
        raise BadMessage('bind is missing or no address')
    return str(address)


def bound_packet(address: str) -> bytes:
    """Return the answer that the address is bound."""
    return _packet('bound', address)


def error_packet(reason: str) -> bytes:
    """Return the answer after which the daemon closes the connection."""
    return _packet('error', reason)


def refusal(packet: bytes) -> str | None:
    """Return why the daemon refused the first packet; None when it did not."""
    try:
        fields = _fields(packet)
    except BadMessage as error:
        return 'its answer is no bind answer: %s' % error
    if 'bound' in fields:
        return None
    return str(fields.get('error', 'its answer is no bind answer'))


def _packet(key: str, value: str) -> bytes:
    return jsonc.dumps({'version': header.VERSION, key: value}).encode('utf-8')


def _fields(packet: bytes) -> dict[str, Any]:
    fields = jsonc.loads_object(jsonc.decode(packet))
    header.check_version(fields)
    return fields
