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
"""The names of the guest channel: port, sockets and program addresses.

Standard library only and Python 3.6, because it is also shipped to guests.
Source: the wire protocol of the original host and guest agents, version 2.
"""

import binascii
import os
import re
from typing import Optional

#: virtio-serial port, its device in the guest, and the abstract datagram
#: address that the agent of each side owns.
PORT_NAME = 'cgcs.messaging'
PORT_PATH = '/dev/virtio-ports/' + PORT_NAME
AGENT = PORT_NAME

#: Programs in the guest.
SCALE_AGENT = 'cgcs.scale'
#: Programs on both sides.
SERVER_GROUP = 'cgcs.server_grp'

#: Start of the address of a program that waits for one scale answer.
SCALE_PREFIX = 'scale-'

#: Longest address: what fits a socket name after the leading NUL. The old
#: agents are only safe with up to 15 characters.
MAX_ADDRESS = 107

_ADDRESS = re.compile(r'[\x21-\x7e]{1,%d}\Z' % MAX_ADDRESS)
_INSTANCE = re.compile(r'[\x21-\x2e\x30-\x7e]{1,200}\Z')
_SOCKET_PREFIX = PORT_NAME + '.'
_SOCKET_SUFFIX = '.sock'


def is_address(value: object) -> bool:
    """Tell whether the value may name a program: short printable ASCII."""
    return isinstance(value, str) and _ADDRESS.match(value) is not None


def is_instance_name(value: object) -> bool:
    """Tell whether the value may name an instance: ASCII without a slash."""
    return isinstance(value, str) and _INSTANCE.match(value) is not None


def scale_address() -> str:
    """Return a fresh address, ``scale-`` and eight random hex digits.

    The old scale agent answers to the address that asked and has no other
    correlation, so an address for each request keeps a late answer from
    being taken for a newer one. 14 characters, which every old agent holds.
    """
    return SCALE_PREFIX + binascii.hexlify(os.urandom(4)).decode('ascii')


def socket_name(instance_name: str) -> str:
    """Return the file name of the instance's socket on the host.

    :raises ValueError: the name cannot be part of a file name.
    """
    if not is_instance_name(instance_name):
        raise ValueError(
            'The instance name %s cannot name a socket: wanted printable '
            'ASCII without a slash; check [DEFAULT]instance_name_template.'
            % ascii(instance_name)
        )
    return _SOCKET_PREFIX + instance_name + _SOCKET_SUFFIX


def instance_of(file_name: str) -> Optional[str]:
    """Return the instance whose socket has this file name.

    None when it is another kind of file. The inverse of `socket_name`.
    """
    if not file_name.startswith(_SOCKET_PREFIX):
        return None
    if not file_name.endswith(_SOCKET_SUFFIX):
        return None
    name = file_name[len(_SOCKET_PREFIX) : -len(_SOCKET_SUFFIX)]
    return name if is_instance_name(name) else None
