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
"""The original guest's side above the port, as its captures show it to work.

The agent hands each message on without ``dest_addr``; the library reads it
into a buffer of 4096 bytes, and ``server_group_app`` prints what comes of it.
"""

import json
from typing import Any

from tests.unit.wire import old_reader

BUFFER = 4096
ADDRESS = 'cgcs.server_grp'

_encode = json.JSONEncoder(ensure_ascii=False, separators=(',', ':')).encode


def spaced(value: Any) -> str:
    """Print JSON as json-c does in its spaced style."""
    if isinstance(value, dict):
        items = [f'{spaced(key)}: {spaced(value[key])}' for key in value]
        return '{%s }' % ','.join(' ' + item for item in items)
    if isinstance(value, list):
        return '[%s ]' % ','.join(' ' + spaced(item) for item in value)
    return _encode(value).replace('/', '\\/')


class OldGuest:
    """An original agent with one ``server_group_app`` behind it.

    :ivar printed: what the program printed.
    :ivar errors: what its library complained about.
    """

    def __init__(self) -> None:
        self._reader = old_reader.OldReader()
        self._seq = 0
        self._servers: list[str] = []
        self.printed = ''
        self.errors: list[str] = []

    def query(self) -> int:
        """Return the ``seq`` of the next status query."""
        self._seq += 1
        self._servers = []
        return self._seq

    def read(self, chunk: bytes) -> None:
        """Take what one read() of the port returned."""
        self._reader.read(chunk)
        while self._reader.delivered:
            message = self._reader.delivered.pop(0)
            assert isinstance(message, dict)
            if message.get('version') != 2:
                continue
            if message.get('dest_addr') != ADDRESS:
                continue
            self._receive(
                _encode(
                    {
                        'data': message['data'],
                        'version': 2,
                        'source_addr': message['source_addr'],
                    }
                )
                .replace('/', '\\/')
                .encode()[:BUFFER]
            )

    def _receive(self, datagram: bytes) -> None:
        try:
            message = json.loads(datagram)
        except ValueError:
            self.errors.append('cannot parse')
            return
        if message['source_addr'] != ADDRESS:
            self.errors.append('not from the host')
            return
        data = message['data']
        getattr(self, '_' + data['msg_type'])(data)

    def _broadcast(self, data: dict[str, Any]) -> None:
        size = len(data['data'].encode())
        self._print(
            'broadcast msg: len: %d, sinstance: %s, msg: %s'
            % (size, data['source_instance'], data['data'])
        )

    def _notification(self, data: dict[str, Any]) -> None:
        self._print('notification msg: ' + spaced(data['data']))

    def _status_response(self, data: dict[str, Any]) -> None:
        if self._current(data):
            self._servers.append(spaced(data['data']))

    def _status_response_done(self, data: dict[str, Any]) -> None:
        if self._current(data):
            self._print('status response msg: [%s]' % ','.join(self._servers))
            self._seq += 1
            self._servers = []

    def _nack(self, data: dict[str, Any]) -> None:
        self.errors.append(data['log_msg'])

    def _current(self, data: dict[str, Any]) -> bool:
        if data['seq'] == self._seq:
            return True
        self.errors.append('unexpected seq')
        return False

    def _print(self, text: str) -> None:
        self.printed += 'got server group %s\n\n' % text
