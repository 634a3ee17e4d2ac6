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
"""The floor in Python: reads, splits at line feeds, sends, and checks nothing.

Run as ``python -m tests.perf.channel.relay FOLDER SOCKET``. It serves the
guests whose sockets are in the folder when it starts, and one program, with
the sockets and the packets of nova-ext-channel.
"""

import os
import select
import socket
import sys

from nova_ext.channel import local_protocol
from nova_ext.wire import addresses

READ = 16384
#: Where the instance's name stands in a program's packet, and its length.
NAME = slice(30, 47)


def main(folder: str, path: str) -> None:
    """Serve for ever."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(1)
    guests: dict[bytes, socket.socket] = {}
    for name in os.listdir(folder):
        instance = addresses.instance_of(name)
        if instance is not None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(os.path.join(folder, name))
            guests[instance.encode()] = sock
    program, _ = listener.accept()
    program.recv(READ)
    program.send(local_protocol.bound_packet('any'))
    serve(guests, program)


def serve(guests: dict[bytes, socket.socket], program: socket.socket) -> None:
    """Pass everything on."""
    epoll = select.epoll()
    sockets = {sock.fileno(): sock for sock in guests.values()}
    for fd in sockets:
        epoll.register(fd, select.EPOLLIN)
    own = program.fileno()
    epoll.register(own, select.EPOLLIN)
    while True:
        for fd, _ in epoll.poll():
            if fd == own:
                packet = program.recv(READ)
                guests[packet[NAME]].send(packet + b'\n')
            else:
                for line in sockets[fd].recv(READ).split(b'\n'):
                    if line:
                        program.send(line)


if __name__ == '__main__':
    main(*sys.argv[1:])
