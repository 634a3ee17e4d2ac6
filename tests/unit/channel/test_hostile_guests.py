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

import resource
import time

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
    assert (
        'Dropped a line of more than 16384 bytes from %s (0 before it not '
        'logged)' % fakes.INSTANCE
    ) in caplog.messages


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


def test_half_a_line_may_stay_for_hours(start, qemu, program) -> None:
    """It occupies what it has sent, and costs nobody anything."""
    slow, quiet = qemu(B), qemu(A)
    server = start()
    line = header.serial('{"n":1}', 'cgcs.x', 'a')
    receiver, asker = program('cgcs.x'), program('scale-1')
    for number in range(len(line)):
        slow.send(line[number : number + 1])
        if number % 20 == 0:
            assert fakes.exchange(quiet, asker) == {'n': 1}
    reader = server._guests[B]._reader
    polling.until(lambda: reader.pending == len(line))
    slow.send(b'\n')
    assert receiver.receive(fakes.soon()).data == {'n': 1}
    assert reader.pending == 0


def test_what_never_ends_is_not_kept(start, qemu, program) -> None:
    endless, quiet = qemu(B), qemu(A)
    server = start(line_bytes=4096)
    asker = program('scale-1')
    for _ in range(50):
        endless.send(b'x' * 10000)
        assert fakes.exchange(quiet, asker) == {'n': 1}
        assert server._guests[B]._reader.pending <= 4096
    endless.send(b'\n')
    polling.until(lambda: fakes.counts(server)['dropped: too_long'] == 1)


@pytest.mark.parametrize(
    'payload',
    [
        '[%s1]' % ('{},1,' * 3000),
        '[%s]' % ','.join(['1' * 4000] * 3),
        '"%s"' % ('\\n' * 7500),
    ],
    ids=['values', 'numbers', 'escapes'],
)
def test_lines_that_are_dear_to_read_have_their_share(
    start, qemu, program, payload: str
) -> None:
    """They are few, so neither of the rates would bind."""
    dear, quiet = qemu(B), qemu(A)
    server = start(time_share=0.0001)
    dear.connection.setblocking(False)
    line = framing.guest_line(header.serial(payload, 'nobody', 'x'))
    asker = program('scale-1')
    for _ in range(20):
        try:
            dear.connection.send(line)
        except BlockingIOError:
            pass
        assert fakes.exchange(quiet, asker) == {'n': 1}
    polling.until(lambda: server.router.totals().rests > 0)
    assert fakes.counts(server)['dropped: no_program'] < 20


def test_a_flood_leaves_room_in_the_queue_of_a_program(
    start, qemu, program
) -> None:
    """Both guests talk to a program that does not read for a while."""
    loud, quiet = qemu(B), qemu(A)
    server = start(program_queue_messages=8)
    receiver = program('cgcs.x')
    text = '"%s"' % ('x' * 9000)
    for _ in range(100):
        loud.say('cgcs.x', text)
    polling.until(lambda: fakes.counts(server)['dropped: program_full'] > 0)
    quiet.say('cgcs.x', '"quiet"')
    polling.until(lambda: server._guests[A].tally.to_program.messages == 1)
    while (found := receiver.receive(fakes.soon())).data != 'quiet':
        assert found.instance == B


@pytest.mark.parametrize('size', [16384, 65536])
def test_a_message_that_grows_in_the_daemon_harms_no_program(
    start, qemu, program, size: int
) -> None:
    """Control characters, printed anew, take six times their room."""
    swollen, quiet = qemu(B), qemu(A)
    server = start(line_bytes=size)
    receiver = program('cgcs.x')
    swollen.say('cgcs.x', '"%s"' % ('\x01' * (size - 200)))
    polling.until(lambda: fakes.counts(server)['dropped: too_long'] == 1)
    quiet.say('cgcs.x', '"after"')
    assert receiver.receive(fakes.soon()).data == 'after'


@pytest.mark.parametrize('size', [13000, 16000])
def test_what_is_counted_as_passed_on_arrives_behind_others(
    start, qemu, program, size: int
) -> None:
    """A long packet, or one that is too long, after two of other guests."""
    loud, other, swollen = qemu(B), qemu(A), qemu('instance-0000000c')
    server = start(program_queue_messages=64)
    receiver = program('cgcs.x')
    text = '"%s"' % ('x' * 16000)
    sent = 0
    while not any(one._delivery.blocked for one in server._local.programs):
        loud.say('cgcs.x', text)
        sent += 1
        polling.until(lambda: fakes.counts(server)['to_program'] == sent)
    for guest, payload in (
        (loud, text),
        (other, text),
        (swollen, '"%s"' % ('\x01' * size)),
        (other, '"last"'),
    ):
        guest.say('cgcs.x', payload)
        sent += 1
        polling.until(lambda: fakes.counts(server).total() == sent)
    arrived = 1
    while receiver.receive(fakes.soon()).data != 'last':
        arrived += 1
    counts = fakes.counts(server)
    assert counts['to_program'] == arrived
    assert counts['dropped: too_long'] == sent - arrived
    assert counts['dropped: too_long'] == (size == 16000)


def test_a_thousand_guests(start, qemu, program, stack) -> None:
    """The original stopped at 98."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 5000:
        pytest.skip('needs 5000 open files, has %d' % before[1])
    stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    guests = [qemu('instance-%08x' % number) for number in range(1000)]
    server = start()
    assert len(server._guests) == 1000
    asker = program('scale-1')
    for guest in guests[:: 1000 // 20]:
        assert fakes.exchange(guest, asker) == {'n': 1}


def test_nothing_is_done_while_nothing_happens(start, qemu, program) -> None:
    guest = qemu()
    server = start()
    receiver = program('cgcs.x')
    guest.say('cgcs.x', '1')
    assert receiver.receive(fakes.soon()).data == 1
    receiver.close()
    # What remains is the limit for binding an address, and the next look.
    polling.until(lambda: server._loop._timers[0][0] - time.monotonic() > 1)
    assert len(server._loop._timers) <= 3
