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
"""The daemon's counts as Prometheus text.

They hold no text of guests: directions, reasons and the names of instances.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import itertools
from typing import Protocol

import prometheus_client
from prometheus_client import core
from prometheus_client import registry

from nova_ext.channel import tally

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

_PREFIX = 'nova_ext_channel_'
#: Guests that are written at once; the loop serves others in between.
_AT_ONCE = 50


class Guest(Protocol):
    """What is told of one guest."""

    instance: str
    tally: tally.Tally

    @property
    def connected(self) -> bool:
        """Whether QEMU has the connection."""

    @property
    def queued(self) -> int:
        """Bytes that wait to be written to it."""


@dataclasses.dataclass(frozen=True)
class Status:
    """What is told of the whole daemon.

    :ivar programs: addresses that are bound.
    """

    totals: tally.Tally
    guests: int
    connected: int
    programs: int


class _Collector(registry.Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[core.Metric]:
        """Yield each figure."""
        totals = self._status.totals
        messages = core.CounterMetricFamily(
            _PREFIX + 'messages',
            'Messages that were sent or queued.',
            labels=['direction'],
        )
        size = core.CounterMetricFamily(
            _PREFIX + 'bytes',
            'Bytes of the messages, with their envelopes.',
            labels=['direction'],
        )
        dropped = core.CounterMetricFamily(
            _PREFIX + 'dropped',
            'Messages that were refused, or lost from a queue.',
            labels=['direction', 'reason'],
        )
        for name, flow in flows(totals):
            messages.add_metric([name], flow.messages)
            size.add_metric([name], flow.bytes)
            for reason, count in flow.dropped.items():
                dropped.add_metric([name, reason], count)
        yield messages
        yield size
        yield dropped
        yield core.CounterMetricFamily(
            _PREFIX + 'rests',
            'Times that a guest was not read for having used up its share.',
            value=totals.rests,
        )
        yield core.GaugeMetricFamily(
            _PREFIX + 'guests', 'Guests with a socket.', self._status.guests
        )
        yield core.GaugeMetricFamily(
            _PREFIX + 'guests_connected',
            'Guests whose socket is connected.',
            self._status.connected,
        )
        yield core.GaugeMetricFamily(
            _PREFIX + 'programs',
            'Addresses that programs of this host have bound.',
            self._status.programs,
        )


def flows(of: tally.Tally) -> tuple[tuple[str, tally.Flow], ...]:
    """Return each direction with its name."""
    return ('to_program', of.to_program), ('to_guest', of.to_guest)


def totals(status: Status) -> bytes:
    """Return the page for all guests together."""
    made = prometheus_client.CollectorRegistry(auto_describe=False)
    made.register(_Collector(status))
    prometheus_client.ProcessCollector(
        namespace='nova_ext_channel', registry=made
    )
    return prometheus_client.generate_latest(made)


def each(guests: Iterable[Guest]) -> Iterator[bytes]:
    """Return the page for single guests, in pieces.

    With a thousand guests it is long: whoever sends it lets the guests have
    their turns between two pieces.
    """
    listed = list(guests)
    for name, kind, help_text, lines in _EACH:
        yield b'# HELP %s%s %s\n# TYPE %s%s %s\n' % tuple(
            text.encode('ascii')
            for text in (_PREFIX, name, help_text, _PREFIX, name, kind)
        )
        left = iter(listed)
        while batch := list(itertools.islice(left, _AT_ONCE)):
            yield ''.join(
                '%s%s{instance="%s"%s} %d\n'
                % (_PREFIX, name, _escaped(guest.instance), labels, value)
                for guest in batch
                for labels, value in lines(guest)
            ).encode('ascii')


def _escaped(name: str) -> str:
    return name.replace('\\', '\\\\').replace('"', '\\"')


_Lines = Iterator[tuple[str, int]]


def _messages(guest: Guest) -> _Lines:
    for name, flow in flows(guest.tally):
        yield ',direction="%s"' % name, flow.messages


def _bytes(guest: Guest) -> _Lines:
    for name, flow in flows(guest.tally):
        yield ',direction="%s"' % name, flow.bytes


def _dropped(guest: Guest) -> _Lines:
    for name, flow in flows(guest.tally):
        for reason, count in flow.dropped.items():
            yield ',direction="%s",reason="%s"' % (name, reason), count


def _rests(guest: Guest) -> _Lines:
    yield '', guest.tally.rests


def _connected(guest: Guest) -> _Lines:
    yield '', int(guest.connected)


def _queued(guest: Guest) -> _Lines:
    yield '', guest.queued


_EACH = (
    ('guest_messages_total', 'counter', 'Messages of a guest.', _messages),
    ('guest_bytes_total', 'counter', 'Bytes of a guest.', _bytes),
    ('guest_dropped_total', 'counter', 'Dropped messages.', _dropped),
    ('guest_rests_total', 'counter', 'Times it was not read.', _rests),
    ('guest_connected', 'gauge', 'Whether it is connected.', _connected),
    ('guest_queued_bytes', 'gauge', 'Bytes that wait for it.', _queued),
)
