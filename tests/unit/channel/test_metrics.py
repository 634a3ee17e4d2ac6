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
from prometheus_client import parser

from nova_ext.channel import metrics
from nova_ext.channel import tally


class Guest:
    connected = True
    queued = 7

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.tally = tally.Tally()
        self.tally.to_guest.messages = 3
        self.tally.to_program.drop(tally.MALFORMED, 2)


def samples(page: bytes) -> dict[tuple, float]:
    """Return the values by name and labels, as Prometheus reads them."""
    return {
        (
            sample.name.removeprefix('nova_ext_channel_'),
            *sample.labels.values(),
        ): (sample.value)
        for family in parser.text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_the_totals() -> None:
    total = tally.Tally()
    total.to_program.messages = 5
    total.to_program.bytes = 500
    total.to_guest.drop(tally.GUEST_FULL, 2)
    total.rests = 9
    found = samples(metrics.totals(metrics.Status(total, 4, 3, 2)))
    assert found['messages_total', 'to_program'] == 5
    assert found['messages_total', 'to_guest'] == 0
    assert found['bytes_total', 'to_program'] == 500
    assert found['dropped_total', 'to_guest', 'guest_full'] == 2
    assert found['rests_total',] == 9
    assert found['guests',] == 4
    assert found['guests_connected',] == 3
    assert found['programs',] == 2
    assert found['process_resident_memory_bytes',] > 0


def test_each_guest() -> None:
    name = 'instance-"x"\\y'
    page = b''.join(metrics.each([Guest(name), Guest('b')]))
    found = samples(page)
    for instance in (name, 'b'):
        assert found['guest_messages_total', instance, 'to_guest'] == 3
        assert found['guest_bytes_total', instance, 'to_guest'] == 0
        assert (
            found['guest_dropped_total', instance, 'to_program', 'malformed']
            == 2
        )
        assert found['guest_rests_total', instance] == 0
        assert found['guest_connected', instance] == 1
        assert found['guest_queued_bytes', instance] == 7


def test_many_guests_come_in_many_pieces() -> None:
    guests = [Guest('g%d' % number) for number in range(1000)]
    pieces = list(metrics.each(guests))
    assert max(piece.count(b'\n') for piece in pieces) <= 100
    assert len(samples(b''.join(pieces))) == 8 * 1000
