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
"""A channel daemon of a few lines, on a real socket, for one guest."""

from collections.abc import Callable
import json
import socket
import threading
from typing import Any

Reply = tuple[str, str, Any]
Script = Callable[[dict[str, Any]], list[Reply]]


class Daemon:
    """Binds addresses, keeps what is sent, and answers by a script.

    :ivar bound: the addresses that were bound, in order.
    :ivar sent: the messages that programs sent, in order.
    """

    def __init__(self, path: str, script: Script) -> None:
        """Listen at once.

        :param script: takes a message for a guest; returns what comes back as
            (instance, source address, data); ``None`` closes the connection.
        """
        self.bound: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self._script = script
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """End; a program that is connected must have left."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                program, _ = self._socket.accept()
            except OSError:
                return
            with program:
                self._serve(program)

    def _serve(self, program: socket.socket) -> None:
        address = json.loads(program.recv(65536))['bind']
        self.bound.append(address)
        _send(program, {'version': 2, 'bound': address})
        while packet := _packet(program):
            message = json.loads(packet)
            self.sent.append(message)
            for reply in self._script(message):
                if reply is None:
                    return
                instance, source, data = reply
                _send(
                    program,
                    {
                        'data': data,
                        'version': 2,
                        'source_addr': source,
                        'source_instance': instance,
                    },
                )


def _packet(program: socket.socket) -> bytes:
    try:
        return program.recv(65536)
    except ConnectionResetError:
        # It has left without reading all; what it sent before is still here.
        return program.recv(65536)


def _send(program: socket.socket, fields: dict[str, Any]) -> None:
    program.send(json.dumps(fields).encode())
