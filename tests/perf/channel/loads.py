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
"""Loads on a host, and what they cost the process under test."""

from collections.abc import Callable
import dataclasses
import itertools
import time

from tests.perf.channel import ends


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one round came to.

    :ivar cpu: microseconds of CPU for each delivered message.
    :ivar rate: delivered messages per second.
    :ivar lost: messages that never arrived.
    """

    cpu: float
    rate: float
    lost: int


def to_program(
    host: ends.Host, size: int, outstanding: int, seconds: float
) -> Cost:
    """All guests in turn send to one program."""
    messages = [
        (guest.socket.sendall, guest.message(size)) for guest in host.guests
    ]
    turn = itertools.cycle(messages)
    receive = host.program.socket.recv

    def give() -> None:
        send, message = next(turn)
        send(message)

    def take() -> int:
        return receive(ends.READ).count(b'{"data":')

    return _pump(host, give, take, outstanding, seconds)


def to_guests(
    host: ends.Host, size: int, outstanding: int, seconds: float
) -> Cost:
    """One program sends to all guests in turn."""
    program = host.program
    packets = itertools.cycle(
        [program.message(guest.instance, size) for guest in host.guests]
    )
    receivers = itertools.cycle([guest.socket.recv for guest in host.guests])

    def give() -> None:
        program.socket.send(next(packets))

    # The order of the packets is that of the guests, so each waits its turn.
    def take() -> int:
        chunk = next(receivers)(ends.READ)
        while not chunk.endswith(b'}\n'):
            chunk += host.guests[0].socket.recv(ends.READ)
        return chunk.count(b'}\n')

    return _pump(host, give, take, outstanding, seconds)


def _pump(
    host: ends.Host,
    give: Callable[[], None],
    take: Callable[[], int],
    outstanding: int,
    seconds: float,
) -> Cost:
    """Keep so many messages on their way."""
    sent = got = 0
    cpu, begun = host.subject.cpu(), time.monotonic()
    try:
        while time.monotonic() - begun < seconds:
            while sent - got < outstanding:
                give()
                sent += 1
            got += take()
        while got < sent:
            got += take()
    except TimeoutError:
        pass
    spent = time.monotonic() - begun
    cpu = host.subject.cpu() - cpu
    return Cost(cpu / got * 1e6, got / spent, sent - got)


def round_trips(host: ends.Host, size: int, count: int) -> list[float]:
    """Return the seconds of each: program, guest, and back, one at a time."""
    program = host.program
    pairs = itertools.cycle(
        [
            (
                program.message(guest.instance, size),
                guest.socket,
                guest.message(size),
            )
            for guest in host.guests
        ]
    )
    found = []
    for packet, sock, answer in itertools.islice(pairs, count):
        begun = time.perf_counter()
        program.socket.send(packet)
        while not sock.recv(ends.READ).endswith(b'}\n'):
            pass
        sock.sendall(answer)
        program.socket.recv(ends.READ)
        found.append(time.perf_counter() - begun)
    return found
