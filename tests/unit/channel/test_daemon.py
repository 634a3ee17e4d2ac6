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
"""The whole daemon, with programs and guests around it."""

import time

import pytest

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.channel import daemon
from nova_ext.channel import local
from nova_ext.conf import channel as channel_conf
from nova_ext.wire import framing
from nova_ext.wire import header
from tests.unit import captures
from tests.unit import polling
from tests.unit.channel import fakes

A = 'instance-0000000a'
B = 'instance-0000000b'


def soon() -> float:
    return time.monotonic() + 10


def exchange(end: fakes.FakeQemu, asker: client.LocalProgram) -> object:
    """Send something to the guest and let it answer."""
    asker.send(end.instance, 'cgcs.scale', {'n': 1})
    message = end.message()
    end.say(message.source_addr, message.payload)
    return asker.receive(soon()).data


def test_a_program_and_a_guest_talk(start, qemu, program) -> None:
    guest = qemu()
    start()
    asker = program('scale-00000001')
    asker.send(A, 'cgcs.scale', {'a': '/é'})
    assert (
        guest.line()
        == (
            '{"data":{"a":"\\/é"},"version":2,"dest_addr":"cgcs.scale",'
            '"source_addr":"scale-00000001"}'
        ).encode()
    )
    guest.say('scale-00000001', '{"b":1}')
    assert asker.receive(soon()) == client.Received(
        instance=A, source_addr='cgcs.scale', data={'b': 1}
    )


def test_a_guest_that_appears_later_is_found(start, qemu, program) -> None:
    start()
    guest = qemu()
    assert guest.connection
    assert exchange(guest, program('scale-1')) == {'n': 1}


def test_a_guest_is_found_at_once_when_somebody_speaks_to_it(
    start, qemu, program
) -> None:
    start(scan_interval=3600.0)
    guest = qemu()
    assert exchange(guest, program('scale-1')) == {'n': 1}


def test_a_guest_that_died_and_came_back_is_found(
    start, qemu, program
) -> None:
    start()
    first = qemu()
    assert first.connection
    first.vanish()
    second = qemu()
    assert second.connection
    assert exchange(second, program('scale-1')) == {'n': 1}


def test_a_guest_behind_a_dead_socket_file_is_found_again(
    start, qemu, folder, program, caplog
) -> None:
    caplog.set_level('INFO')
    dead = qemu()
    dead.close()
    start(reconnect_interval=0.1)
    polling.until(lambda: 'Connection refused' in caplog.text)
    dead.path.unlink()
    guest = qemu()
    assert exchange(guest, program('scale-1')) == {'n': 1}


def test_a_vanished_guest_is_forgotten(start, qemu, caplog) -> None:
    server = start()
    guest = qemu()
    assert guest.connection
    guest.vanish()
    polling.until(lambda: A not in server.router.guests)
    assert A not in server._guests


def test_a_connection_that_ends_is_made_anew(start, qemu, program) -> None:
    start()
    guest = qemu()
    guest.send(b'{"half')
    guest.hang_up()
    # Nothing of the old connection spoils the first line of the new one.
    guest.say('cgcs.x', '1')
    receiver = program('cgcs.x')
    guest.say('cgcs.x', '2')
    assert receiver.receive(soon()).data == 2


def test_a_restarted_daemon_serves_the_guests_again(
    folder, qemu, program
) -> None:
    guest = qemu()
    for _ in range(2):
        with fakes.running(fakes.settings(folder)):
            with client.LocalProgram(
                str(folder / 'channel.sock'), 'scale-1'
            ) as asker:
                assert exchange(guest, asker) == {'n': 1}
        guest.hang_up()


def test_the_first_bytes_of_a_connection_free_an_old_guests_reader(
    start, qemu, program
) -> None:
    guest = qemu()
    start()
    asker = program('scale-1')
    asker.send(A, 'a', 1)
    asker.send(A, 'a', 2)
    line = header.serial('1', 'a', 'scale-1')
    wanted = b' \n' + line + b'\n' + line.replace(b':1,', b':2,') + b'\n'
    assert guest.raw(len(wanted)) == wanted


def test_a_message_waits_for_a_guest_that_is_about_to_listen(
    start, qemu, program
) -> None:
    """As after a restart of QEMU: the file is there, nobody listens yet."""
    dead = qemu()
    dead.close()
    server = start(reconnect_interval=0.1)
    asker = program('scale-1')
    asker.send(A, 'cgcs.scale', {'n': 1})
    polling.until(lambda: server.router.counts['to_guest'] == 1)
    dead.path.unlink()
    assert qemu().message().payload == '{"n":1}'


def test_a_message_that_waited_too_long_is_not_delivered(
    start, qemu, program
) -> None:
    dead = qemu()
    dead.close()
    server = start(reconnect_interval=0.1, message_lifetime=0.0)
    asker = program('scale-1')
    asker.send(A, 'cgcs.scale', {'old': 1})
    polling.until(lambda: server.router.counts['to_guest'] == 1)
    dead.path.unlink()
    guest = qemu()
    assert guest.connection
    polling.until(lambda: server._guests[A].connected)
    guest.say('cgcs.x', '1')
    polling.until(lambda: server.router.counts['dropped: no program'])
    guest.connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        guest.connection.recv(1)


# -- who may speak to whom ---------------------------------------------------


def test_a_guest_cannot_speak_for_another(start, qemu, program) -> None:
    guest = qemu(B)
    start()
    receiver = program('cgcs.server_grp')
    message = (
        b'{"data":{"source_instance":"%(a)s"},"version":2,'
        b'"dest_addr":"cgcs.server_grp","source_addr":"s",'
        b'"source_instance":"%(a)s","dest_instance":"%(a)s"}\n'
    ) % {b'a': A.encode()}
    guest.send(message)
    assert receiver.receive(soon()).instance == B


def test_an_answer_reaches_only_who_asked_that_guest(
    start, qemu, program
) -> None:
    """A guessed address of another server's scale request is of no use."""
    asked, other = qemu(A), qemu(B)
    server = start()
    asker = program('scale-00000001')
    asker.send(A, 'cgcs.scale', {'n': 1})
    assert asked.message()
    other.say('scale-00000001', '{"forged":1}')
    polling.until(lambda: server.router.counts['dropped: not asked'] == 1)
    asked.say('scale-00000001', '{"n":1}')
    assert asker.receive(soon()).data == {'n': 1}


def test_a_late_answer_reaches_nobody(start, qemu, program, caplog) -> None:
    guest = qemu()
    server = start()
    with client.LocalProgram(
        server._settings.local_socket, 'scale-00000001'
    ) as first:
        first.send(A, 'cgcs.scale', {'n': 1})
        assert guest.message()
    second = program('scale-00000002')
    second.send(A, 'cgcs.scale', {'n': 2})
    assert guest.message()
    guest.say('scale-00000001', '{"late":1}')
    polling.until(lambda: server.router.counts['dropped: no program'] == 1)
    guest.say('scale-00000002', '{"n":2}')
    assert second.receive(soon()).data == {'n': 2}
    assert 'nobody has the address' in caplog.text


# -- hostile guests ----------------------------------------------------------


@pytest.mark.parametrize(
    'case',
    captures.load('wire_malformed.yaml'),
    ids=lambda case: case['name'],
)
def test_a_malformed_line_is_counted_and_hurts_nobody(
    start, qemu, program, case, caplog
) -> None:
    from tests.unit.wire import test_header

    line = test_header.line_of(case['line'])
    bad, good = qemu(B), qemu(A)
    server = start()
    bad.send(line + b'\n')
    polling.until(
        lambda: sum(
            count
            for name, count in server.router.counts.items()
            if name.startswith('dropped')
        )
    )
    for guest in (bad, good):
        asker = program('scale-' + guest.instance[-8:])
        assert exchange(guest, asker) == {'n': 1}


def test_invalid_text_does_not_reach_the_log_unescaped(
    start, qemu, caplog
) -> None:
    guest = qemu()
    server = start()
    guest.send(b'\x1b[2J\xff\r\x07evil' * 100 + b'\n')
    polling.until(lambda: server.router.counts['dropped: malformed'] == 1)
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
    assert exchange(guest, program('scale-1')) == {'n': 1}
    assert 'Dropped a line of more than 65536 bytes' in caplog.text


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
        assert exchange(quiet, asker) == {'n': 1}
    dropped = server.router.counts['dropped: no program']
    assert 0 < dropped < sent / len(line)


def test_a_flood_beyond_the_rate_is_delayed_and_not_lost(
    start, qemu, program
) -> None:
    guest = qemu()
    start(message_rate=500.0, turn_messages=7, program_queue_messages=1000)
    receiver = program('cgcs.x')
    for number in range(700):
        guest.say('cgcs.x', str(number))
    got = [receiver.receive(soon()).data for _ in range(700)]
    assert got == list(range(700))


def test_the_log_of_a_flooding_guest_is_bounded(start, qemu, caplog) -> None:
    guest = qemu()
    server = start()
    for _ in range(500):
        guest.send(b'junk\n')
    polling.until(lambda: server.router.counts['dropped: malformed'] == 500)
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
    polling.until(lambda: server.router.counts['dropped: guest full'] > 0)
    assert server._guests[B]._queued <= 131072
    assert exchange(quiet, asker) == {'n': 1}


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
            server.router.counts['to_guest']
            + server.router.counts['dropped: guest full']
            == 100
        )
    )
    count = server.router.counts['to_guest']
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
    polling.until(lambda: server.router.counts['dropped: program full'] > 0)
    assert exchange(guest, asker) == {'n': 1}
    # What was queued comes, in order, once it reads.
    assert stuck.receive(soon()).data == 'x' * 10000


# -- the daemon itself -------------------------------------------------------


def test_two_daemons_do_not_serve_one_host(start, folder) -> None:
    start()
    with pytest.raises(local.SocketTaken, match='Another process serves'):
        daemon.Daemon(fakes.settings(folder))


def test_an_error_of_our_own_ends_one_connection_only(
    start, qemu, program, monkeypatch, caplog
) -> None:
    guest, other = qemu(A), qemu(B)
    server = start()
    real = server.router.from_guest

    def fail(sender, line: bytes) -> None:
        if b'boom' in line:
            raise RuntimeError('expected by the test')
        real(sender, line)

    for instance in (A, B):
        monkeypatch.setattr(server._guests[instance], '_deliver', fail)
    guest.send(b'"boom"\n')
    polling.until(lambda: 'Serving a connection failed' in caplog.text)
    assert exchange(other, program('scale-1')) == {'n': 1}
    guest.hang_up()
    assert exchange(guest, program('scale-2')) == {'n': 1}


def test_a_stopped_daemon_leaves_no_socket(folder) -> None:
    with fakes.running(fakes.settings(folder)):
        assert (folder / 'channel.sock').exists()
    assert list(folder.iterdir()) == []


def test_a_program_notices_that_the_daemon_is_gone(folder) -> None:
    path = str(folder / 'channel.sock')
    with fakes.running(fakes.settings(folder)):
        asker = client.LocalProgram(path, 'scale-1')
    with asker, pytest.raises(exception.ChannelUnavailable, match='closed'):
        asker.receive(soon())


def test_the_settings_are_those_of_the_options(conf) -> None:
    channel_conf.register_opts(conf)
    conf.set_override('guest_message_rate', 7, 'nova_ext_channel')
    conf.set_override('legacy_addresses', ['a', 'b'], 'nova_ext_channel')
    made = daemon.settings_of(conf.nova_ext_channel)
    assert made.guest_socket_dir == '/var/lib/libvirt/qemu'
    assert made.local_socket == '/run/nova-ext/channel.sock'
    assert made.allowed_users == ('nova',)
    assert made.legacy_socket is False
    assert made.legacy_addresses == ('a', 'b')
    assert made.limits.message_rate == 7


@pytest.fixture
def conf():
    from oslo_config import cfg

    made = cfg.ConfigOpts()
    made([])
    return made
