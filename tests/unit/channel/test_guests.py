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
"""One guest's connection, driven by hand; the rest is in test_daemon.py."""

import errno
import itertools

import pytest

from nova_ext.channel import guests
from nova_ext.channel import limits
from nova_ext.channel import loop
from tests.unit import polling
from tests.unit.channel import fakes


@pytest.fixture
def made():
    return fakes.FakeLoop()


@pytest.fixture
def guest(folder, made, stack):
    """Return a function that makes a guest with its list of lines."""

    def make(**changes):
        lines: list[bytes] = []
        removed: list[guests.Guest] = []
        one = guests.Guest(
            fakes.INSTANCE,
            str(folder / ('cgcs.messaging.%s.sock' % fakes.INSTANCE)),
            made,
            limits.Limits(**changes),
            lambda guest, found: lines.extend(found),
            removed.append,
            {},
        )
        stack.callback(one._disconnect)
        return one, lines, removed

    return make


def test_the_pauses_between_attempts_grow_up_to_the_limit(
    guest, made, caplog
) -> None:
    one, _, _ = guest(reconnect_interval=1.0)
    one.connect()
    delays = [made.fire() for _ in range(6)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert caplog.text.count('Cannot connect to') == 1


def test_that_the_socket_has_no_owner_yet_is_not_told(
    guest, qemu, made, monkeypatch, caplog
) -> None:
    """Unless it still has none at the second attempt."""
    end = qemu()
    one, _, _ = guest()
    real = guests.socket.socket.connect
    answers = iter([errno.EACCES, 0, errno.EACCES, errno.EACCES, 0])

    def connect(sock, path: str) -> None:
        answer = next(answers)
        if answer:
            raise PermissionError(answer, 'Permission denied')
        real(sock, path)

    monkeypatch.setattr(guests.socket.socket, 'connect', connect)
    one.connect()
    made.fire()
    assert one.connected
    assert 'Permission denied' not in caplog.text
    assert end.connection
    one.on_failure()
    for _ in range(2):
        made.fire()
    assert caplog.text.count('Permission denied') == 1


def test_a_path_too_long_is_told_and_tried_again(made, stack, caplog) -> None:
    one = guests.Guest(
        'i',
        '/x' * 60,
        made,
        limits.Limits(),
        lambda *_: None,
        lambda _: None,
        {},
    )
    one.connect()
    assert 'path too long' in caplog.text
    assert made.later


def test_a_turn_reads_no_more_than_its_bytes(guest, qemu, made) -> None:
    end = qemu()
    one, lines, _ = guest(turn_bytes=1024)
    one.connect()
    end.send(b'{}\n' * 1000)
    one.on_ready(loop.READ)
    while made.later:
        made.fire()
    assert len(lines) == 1024 // 3


def test_a_turn_delivers_no_more_than_its_messages(guest, qemu, made) -> None:
    end = qemu()
    one, lines, _ = guest(turn_messages=10)
    one.connect()
    (fd,) = made.events
    end.send(b'{}\n' * 25)
    one.on_ready(loop.READ)
    assert len(lines) == 10
    assert made.events[fd] == 0, 'it is not read while it has lines left'
    assert made.fire() == 0
    assert len(lines) == 20
    made.fire()
    assert len(lines) == 25
    assert made.events[fd] == loop.READ


@pytest.mark.parametrize(
    'limit',
    [
        {'message_rate': 10.0, 'turn_messages': 1000},
        {'byte_rate': 30.0, 'turn_messages': 1000},
        {'time_share': 1e-9, 'turn_messages': 1000},
    ],
    ids=['messages', 'bytes', 'time'],
)
def test_who_spends_more_than_its_rate_rests(guest, qemu, made, limit) -> None:
    end = qemu()
    one, lines, _ = guest(**limit)
    one.connect()
    (fd,) = made.events
    end.send(b'{}\n' * 20)
    one.on_ready(loop.READ)
    assert len(lines) == 20
    assert made.events[fd] == 0
    ((delay, _),) = made.later
    assert delay > 0.5
    assert one.tally.rests == 1


@pytest.mark.parametrize(
    ('line', 'count', 'each'),
    [(b'x', 16, 7.5e-6), (b'x' * 16000, 1, 16000 * 2.2e-7)],
    ids=['shortest', 'dearest'],
)
def test_a_guest_pays_for_all_that_its_messages_take(
    guest, qemu, made, monkeypatch, line: bytes, count: int, each: float
) -> None:
    """Also for the dearest ones that were found: no share is exceeded."""
    clock = itertools.count(0.0, count * each)
    monkeypatch.setattr(guests.time, 'monotonic', lambda: next(clock))
    share = 1e-9
    end = qemu()
    one, lines, _ = guest(time_share=share)
    one.connect()
    end.send((line + b'\n') * count)
    one.on_ready(loop.READ)
    assert len(lines) == count
    ((delay, _),) = made.later
    assert delay * share == pytest.approx(count * each, rel=0.01)


def test_a_guest_does_not_pay_for_the_load_of_the_host(
    guest, qemu, made, monkeypatch
) -> None:
    """A turn that was interrupted for a minute is not paid."""
    clock = itertools.count(0.0, 60.0)
    monkeypatch.setattr(guests.time, 'monotonic', lambda: next(clock))
    end = qemu()
    one, lines, _ = guest()
    one.connect()
    end.send(b'{}\n' * 10)
    one.on_ready(loop.READ)
    assert len(lines) == 10
    assert one.tally.rests == 0


def test_a_hang_up_while_it_rests_is_noticed(guest, qemu, made) -> None:
    """What it had said until then is delivered, in turns but at once."""
    end = qemu()
    one, lines, _ = guest(message_rate=1.0, turn_messages=16)
    one.connect()
    (fd,) = made.events
    end.send(b'{}\n' * 40)
    one.on_ready(loop.READ)
    # This was not read yet, and what comes after the next turn is half a line.
    end.send(b'[]\n' * 60 + b'{')
    end.hang_up()
    assert len(lines) == 16
    one.on_ready(loop.BROKEN)
    assert not one.connected
    while made.events:
        before = len(lines)
        if made.events[fd] & loop.READ:
            one.on_ready(loop.READ | loop.BROKEN)
        else:
            one.on_ready(loop.BROKEN)
            assert made.due(), 'it rests, and the loop would not'
            made.fire_due()
        assert len(lines) - before <= 16
    assert lines == [b'{}'] * 40 + [b'[]'] * 60
    assert fakes.outcomes(one.tally) == {}
    # What was to be done after the rest finds nothing to do.
    while not one.connected:
        made.fire()


def test_the_last_words_of_a_guest_are_delivered(start, qemu, program) -> None:
    server = start()
    end, reader = qemu(), program('cgcs.server_grp')
    for number in range(60):
        end.say('cgcs.server_grp', str(number))
    end.vanish()
    found = [reader.receive(fakes.soon()).data for _ in range(60)]
    assert found == list(range(60))
    polling.until(lambda: not server.router.guests)
    assert fakes.counts(server) == {'to_program': 60}


def test_a_message_that_cannot_be_written_leaves_what_can_be_read(
    guest, qemu, made
) -> None:
    end = qemu()
    one, lines, _ = guest()
    one.connect()
    end.send(b'{}\n' * 5)
    end.hang_up()
    assert one.send(b'x\n') is None
    assert one.send(b'for the next\n') is None
    assert one.queued == len(b'for the next\n')
    assert fakes.outcomes(one.tally) == {'dropped: guest_gone': 1}
    for _ in range(2):
        one.on_ready(loop.READ | loop.WRITE | loop.BROKEN)
    assert lines == [b'{}'] * 5
    assert made.events == {}
    while not one.connected:
        made.fire()
    assert end.line() == b'for the next'


def test_lines_that_are_thrown_away_are_counted(guest, qemu, made) -> None:
    end = qemu()
    one, lines, _ = guest(turn_messages=16)
    one.connect()
    end.send(b'{}\n' * 40)
    one.on_ready(loop.READ)
    one.close()
    assert len(lines) == 16
    assert one.tally.to_program.dropped == {'guest_gone': 24}
    assert one.tally.to_guest.dropped == {}


@pytest.fixture
def clock(monkeypatch):
    """The time that the module sees, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(guests.time, 'monotonic', lambda: now[0])
    return now


def test_what_expires_for_a_guest_that_never_reads_is_counted(
    guest, qemu, clock
) -> None:
    end = qemu()
    one, _, _ = guest(message_lifetime=10.0)
    one.connect()
    assert end.connection
    dropped = one.tally.to_guest.dropped
    while not one.queued:
        one.send(b'x' * 4000 + b'\n')
    # The first has begun, perhaps, and is to be finished.
    while one.send(b'y' * 100 + b'\n') is None:
        clock[0] += 1
        if 'expired' in dropped:
            break
    assert dropped.keys() == {'expired'}
    one.send(b'z\n')
    clock[0] += 10
    before = dropped['expired']
    end.hang_up()
    one.on_ready(loop.BROKEN)
    assert dropped['expired'] > before
    assert dropped.get('guest_gone', 0) <= 1


def test_messages_for_a_guest_that_never_was_there_expire(
    guest, clock
) -> None:
    one, _, removed = guest(message_lifetime=10.0)
    one.connect()
    for number in range(3):
        one.send(b'x\n')
        clock[0] += 10
        assert one.tally.to_guest.dropped.get('expired', 0) == number
    one.send(b'x\n')
    one.file_vanished()
    assert removed == [one]
    assert one.tally.to_guest.dropped == {'expired': 3, 'guest_gone': 1}


@pytest.mark.parametrize('number', [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_host_short_of_files_or_memory_is_tried_again(
    guest, qemu, made, monkeypatch, caplog, number: int
) -> None:
    assert qemu()
    one, _, _ = guest()
    with monkeypatch.context() as patched:

        def refuse(*_) -> None:
            raise OSError(number, errno.errorcode[number])

        patched.setattr(guests.socket, 'socket', refuse)
        one.connect()
        assert made.fire() == 0.1
    assert caplog.text.count(errno.errorcode[number]) == 1
    assert made.fire() == 0.2
    assert one.connected


def test_a_loop_that_takes_no_more_is_tried_again(
    guest, qemu, made, monkeypatch
) -> None:
    """The kernel bounds what a user may watch."""
    assert qemu()
    one, _, _ = guest()
    with monkeypatch.context() as patched:

        def refuse(*_) -> None:
            raise OSError(errno.ENOSPC, 'No space left on device')

        patched.setattr(made, 'watch', refuse)
        one.connect()
        assert not one.connected
    made.fire()
    assert one.connected


def test_an_error_of_our_own_is_not_the_last_attempt(
    guest, qemu, made, monkeypatch
) -> None:
    end = qemu()
    one, _, _ = guest()
    end.close()
    one.connect()
    with monkeypatch.context() as patched:
        patched.setattr(guests.socket, 'socket', None)
        with pytest.raises(TypeError):
            made.fire()
    end.path.unlink()
    assert qemu()
    made.fire()
    assert one.connected


def test_a_guest_without_file_ends_with_its_connection(
    guest, qemu, made
) -> None:
    end = qemu()
    one, _, removed = guest()
    one.connect()
    one.file_vanished()
    assert removed == []
    assert end.connection
    end.hang_up()
    one.on_ready(loop.READ)
    assert removed == [one]
    one.connect()
    assert not one.connected


def test_a_file_that_came_back_keeps_the_guest(guest, qemu, made) -> None:
    end = qemu()
    one, _, removed = guest()
    one.connect()
    one.file_vanished()
    one.file_appeared()
    assert end.connection
    end.hang_up()
    one.on_ready(loop.READ)
    assert removed == []
    made.fire()
    assert one.connected


def test_what_a_reset_connection_says_is_its_end(guest, qemu, made) -> None:
    end = qemu()
    one, _, _ = guest()
    one.connect()
    assert end.connection

    class Broken:
        def recv(self, size: int) -> bytes:
            raise ConnectionResetError(errno.ECONNRESET, 'reset')

        send = recv

        def __init__(self, real) -> None:
            self._real = real

        def __getattr__(self, name):
            return getattr(self._real, name)

    one._socket = Broken(one._socket)
    one.on_ready(loop.READ)
    assert not one.connected
    made.fire()
    one._socket = Broken(one._socket)
    assert one.send(b'x\n') is None
    assert not one.connected
