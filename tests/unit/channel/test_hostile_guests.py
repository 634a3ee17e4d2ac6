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
"""Guests and programs that flood, do not read, or talk nonsense."""

import pytest

from nova_ext.wire import framing
from nova_ext.wire import header
from tests.unit import captures
from tests.unit import polling
from tests.unit.channel import fakes

A = 'instance-0000000a'
B = 'instance-0000000b'


@pytest.mark.parametrize(
    'case',
    captures.load('wire_malformed.yaml'),
    ids=lambda case: case['name'],
)
def test_a_malformed_line_is_counted_and_hurts_nobody(
    start, qemu, program, case, caplog
) -> None:
    line = captures.line_of(case['line'])
    bad, good = qemu(B), qemu(A)
    server = start()
    bad.send(line + b'\n')
    polling.until(
        lambda: sum(
            count
            for name, count in fakes.counts(server).items()
            if name.startswith('dropped')
        )
    )
    for guest in (bad, good):
        asker = program('scale-' + guest.instance[-8:])
        assert fakes.exchange(guest, asker) == {'n': 1}


def test_invalid_text_does_not_reach_the_log_unescaped(
    start, qemu, caplog
) -> None:
    guest = qemu()
    server = start()
    guest.send(b'\x1b[2J\xff\r\x07evil' * 100 + b'\n')
    polling.until(lambda: fakes.counts(server)['dropped: malformed'] == 1)
    said = [r.getMessage() for r in caplog.records if 'evil' in r.getMessage()]
    assert len(said) == 1
    assert said[0].isprintable()
    assert len(said[0]) < 400


def test_a_megabyte_without_a_line_feed_is_dropped(
    start, qemu, program, caplog
) -> None:
    guest = qemu()
    start()
    guest.send(b'x' * (1 << 20))
    guest.send(b'\n')
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}
    assert 'Dropped a line of more than 16384 bytes' in caplog.text


def test_a_flooding_guest_does_not_hold_up_another(
    start, qemu, program
) -> None:
    """The flood is read at its rate; the other guest is served in between."""
    flooding, quiet = qemu(B), qemu(A)
    server = start(message_rate=200.0)
    flooding.connection.setblocking(False)
    line = framing.guest_line(header.serial('0', 'nobody', 'x'))
    sent = 0
    asker = program('scale-1')
    for _ in range(50):
        try:
            sent += flooding.connection.send(line * 1000)
        except BlockingIOError:
            pass
        assert fakes.exchange(quiet, asker) == {'n': 1}
    dropped = fakes.counts(server)['dropped: no_program']
    assert 0 < dropped < sent / len(line)


def test_a_flood_beyond_the_rate_is_delayed_and_not_lost(
    start, qemu, program
) -> None:
    guest = qemu()
    start(message_rate=500.0, turn_messages=7, program_queue_messages=1000)
    receiver = program('cgcs.x')
    for number in range(700):
        guest.say('cgcs.x', str(number))
    got = [receiver.receive(fakes.soon()).data for _ in range(700)]
    assert got == list(range(700))


def test_the_log_of_a_flooding_guest_is_bounded(start, qemu, caplog) -> None:
    guest = qemu()
    server = start()
    for _ in range(500):
        guest.send(b'junk\n')
    polling.until(lambda: fakes.counts(server)['dropped: malformed'] == 500)
    assert caplog.text.count('Dropped a message') == 5


def test_a_guest_that_does_not_read_holds_up_no_other(
    start, qemu, program
) -> None:
    deaf, quiet = qemu(B), qemu(A)
    assert deaf.path.exists()
    server = start(guest_queue_bytes=131072)
    asker = program('scale-1')
    for _ in range(100):
        asker.send(B, 'a', {'text': 'x' * 10000})
    polling.until(lambda: fakes.counts(server)['dropped: guest_full'] > 0)
    assert server._guests[B]._outbox.size <= 131072
    assert fakes.exchange(quiet, asker) == {'n': 1}


def test_whole_messages_only_reach_a_guest_that_read_late(
    start, qemu, program
) -> None:
    """A short write is finished before anything else is said."""
    guest = qemu()
    server = start()
    asker = program('scale-1')
    for number in range(100):
        asker.send(A, 'a', {'n': number, 'text': 'x' * 10000})
    polling.until(
        lambda: (
            fakes.counts(server)['to_guest']
            + fakes.counts(server)['dropped: guest_full']
            == 100
        )
    )
    count = fakes.counts(server)['to_guest']
    assert count < 100
    numbers = []
    for _ in range(count):
        payload = guest.message().payload
        numbers.append(int(payload.split(':')[1].split(',')[0]))
    assert numbers == list(range(count))


def test_a_program_that_does_not_read_holds_up_no_other(
    start, qemu, program
) -> None:
    guest = qemu()
    server = start(program_queue_messages=10)
    stuck = program('cgcs.stuck')
    asker = program('scale-1')
    text = '"%s"' % ('x' * 10000)
    for _ in range(100):
        guest.say('cgcs.stuck', text)
    polling.until(lambda: fakes.counts(server)['dropped: program_full'] > 0)
    assert fakes.exchange(guest, asker) == {'n': 1}
    # What was queued comes, in order, once it reads.
    assert stuck.receive(fakes.soon()).data == 'x' * 10000
