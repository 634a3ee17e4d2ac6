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

import errno
import socket

import pytest

from nova_ext import exception
from nova_ext.channel import client
from nova_ext.channel import daemon
from nova_ext.channel import folder as folder_module
from nova_ext.channel import local
from nova_ext.conf import channel as channel_conf
from nova_ext.wire import header
from tests.unit import polling
from tests.unit.channel import fakes

A = 'instance-0000000a'
B = 'instance-0000000b'


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
    assert asker.receive(fakes.soon()) == client.Received(
        instance=A, source_addr='cgcs.scale', data={'b': 1}
    )


def test_a_guest_that_appears_later_is_found(start, qemu, program) -> None:
    start()
    guest = qemu()
    assert guest.connection
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}


def test_a_guest_is_found_at_once_when_somebody_speaks_to_it(
    start, qemu, program, monkeypatch
) -> None:
    monkeypatch.setattr(folder_module.Watch, 'start', lambda self: None)
    start()
    guest = qemu()
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}


def test_a_guest_that_died_and_came_back_is_found(
    start, qemu, program
) -> None:
    start()
    first = qemu()
    assert first.connection
    first.vanish()
    second = qemu()
    assert second.connection
    assert fakes.exchange(second, program('scale-1')) == {'n': 1}


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
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}


def test_a_guest_is_found_without_a_watch(start, qemu, monkeypatch) -> None:
    """Where the kernel has no watch to spare, looks at intervals do."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EMFILE, 'Too many open files')

    monkeypatch.setattr(folder_module.inotify_simple, 'INotify', refuse)
    start(scan_interval=0.01)
    guest = qemu()
    assert guest.connection


def test_a_folder_made_anew_is_watched_again(
    folder, stack, program, monkeypatch
) -> None:
    """As when libvirt is installed anew, or starts after this daemon."""
    monkeypatch.setattr(daemon, '_UNWATCHED_INTERVAL', 0.01)
    sockets = folder / 'qemu'
    stack.callback(lambda: fakes.clean(sockets))
    stack.enter_context(
        fakes.running(fakes.settings(folder, guest_socket_dir=str(sockets)))
    )
    for number in range(2):
        sockets.mkdir()
        first = fakes.FakeQemu(sockets, A)
        assert first.connection
        # Nobody looks any more: the watch finds this one.
        second = fakes.FakeQemu(sockets, B)
        assert second.connection
        if number == 0:
            first.vanish()
            second.vanish()
            sockets.rmdir()
        else:
            first.close()
            second.close()


def test_libvirts_restart_changes_nothing(
    start, qemu, program, folder
) -> None:
    """It lists and touches its folder; QEMU and its sockets stay."""
    guest = qemu()
    server = start()
    asker = program('scale-1')
    assert fakes.exchange(guest, asker) == {'n': 1}
    connection = guest.connection
    folder.chmod(0o751)
    (folder / 'nova-ext.xml').touch()
    (folder / 'nova-ext.xml').unlink()
    server._loop.call_soon(server._look_unwatched)
    assert fakes.exchange(guest, asker) == {'n': 1}
    assert guest.connection is connection


def test_a_guest_that_migrates_away_and_back(folder, stack) -> None:
    """QEMU listens on the other host before the guest runs there; what was
    on its way is lost, and what comes first after it is not."""
    hosts = []
    for name in ('one', 'two'):
        sockets = folder / name
        sockets.mkdir()
        stack.callback(sockets.rmdir)
        settings = fakes.settings(
            folder,
            guest_socket_dir=str(sockets),
            local_socket=str(folder / (name + '.sock')),
        )
        server = stack.enter_context(fakes.running(settings))
        asker = stack.enter_context(
            client.LocalProgram(settings.local_socket, 'scale-1')
        )
        hosts.append((server, sockets, asker))
    source = fakes.FakeQemu(hosts[0][1], A)
    for here, there in ((0, 1), (1, 0), (0, 1)):
        assert fakes.exchange(source, hosts[here][2]) == {'n': 1}
        target = fakes.FakeQemu(hosts[there][1], A)
        assert target.connection
        # The guest stops in the middle of a line.
        source.send(b'\n{"data":{"version":2,"msg_ty')
        source.vanish()
        polling.until(lambda: A not in hosts[here][0].router.guests)
        target.send(b'pe":"x"},"version":2,"dest_addr":"scale-1"}\n')
        source = target
    assert fakes.exchange(source, hosts[1][2]) == {'n': 1}
    assert source.connection
    source.vanish()
    for server, _, _ in hosts:
        polling.until(lambda: not server.router.guests)


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
    assert receiver.receive(fakes.soon()).data == 2


def test_a_restarted_daemon_serves_the_guests_again(
    folder, qemu, program
) -> None:
    guest = qemu()
    for _ in range(2):
        with fakes.running(fakes.settings(folder)):
            with client.LocalProgram(
                str(folder / 'channel.sock'), 'scale-1'
            ) as asker:
                assert fakes.exchange(guest, asker) == {'n': 1}
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
    """As while QEMU starts: the file is there, nobody listens yet."""
    guest = qemu(listens=False)
    server = start(reconnect_interval=0.1)
    asker = program('scale-1')
    asker.send(A, 'cgcs.scale', {'n': 1})
    polling.until(lambda: fakes.counts(server)['to_guest'] == 1)
    guest.listen()
    assert guest.message().payload == '{"n":1}'


def test_a_message_that_waited_too_long_is_not_delivered(
    start, qemu, program
) -> None:
    guest = qemu(listens=False)
    server = start(reconnect_interval=0.1, message_lifetime=0.0)
    asker = program('scale-1')
    asker.send(A, 'cgcs.scale', {'old': 1})
    polling.until(lambda: fakes.counts(server)['to_guest'] == 1)
    guest.listen()
    assert guest.connection
    polling.until(lambda: server._guests[A].connected)
    guest.say('cgcs.x', '1')
    polling.until(lambda: fakes.counts(server)['dropped: no_program'])
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
    assert receiver.receive(fakes.soon()).instance == B


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
    polling.until(lambda: fakes.counts(server)['dropped: not_asked'] == 1)
    asked.say('scale-00000001', '{"n":1}')
    assert asker.receive(fakes.soon()).data == {'n': 1}


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
    polling.until(lambda: fakes.counts(server)['dropped: no_program'] == 1)
    guest.say('scale-00000002', '{"n":2}')
    assert second.receive(fakes.soon()).data == {'n': 2}
    assert 'nobody has the address' in caplog.text


# -- the daemon itself -------------------------------------------------------


def test_two_daemons_do_not_serve_one_host(start, folder) -> None:
    start()
    with pytest.raises(local.CannotServe, match='Another process serves'):
        daemon.Daemon(fakes.settings(folder))


def test_an_error_of_our_own_ends_one_connection_only(
    start, qemu, program, monkeypatch, caplog
) -> None:
    guest, other = qemu(A), qemu(B)
    server = start()
    real = server.router.from_guest

    def fail(sender, lines: list[bytes]) -> None:
        if any(b'boom' in line for line in lines):
            raise RuntimeError('expected by the test')
        real(sender, lines)

    for instance in (A, B):
        monkeypatch.setattr(server._guests[instance], '_deliver', fail)
    guest.send(b'"boom"\n')
    polling.until(lambda: 'Serving a connection failed' in caplog.text)
    assert fakes.exchange(other, program('scale-1')) == {'n': 1}
    guest.hang_up()
    assert fakes.exchange(guest, program('scale-2')) == {'n': 1}


def test_a_stopped_daemon_leaves_no_socket(folder) -> None:
    with fakes.running(fakes.settings(folder)):
        assert (folder / 'channel.sock').exists()
    assert list(folder.iterdir()) == []


def test_health_and_counts_are_served(start, qemu, program, folder) -> None:
    guest = qemu()
    start(monitor=str(folder / 'status.sock'))
    fakes.exchange(guest, program('scale-1'))
    assert fakes.get(folder / 'status.sock', '/health') == (200, b'ok\n')
    _, body = fakes.get(folder / 'status.sock', '/metrics')
    assert b'channel_messages_total{direction="to_guest"} 1.0' in body
    assert A.encode() not in body
    _, body = fakes.get(folder / 'status.sock', '/metrics/guests')
    wanted = 'guest_connected{instance="%s"} 1' % A
    assert wanted.encode() in body
    assert fakes.get(folder / 'status.sock', '/other')[0] == 404


def test_a_folder_that_cannot_be_read_is_no_health(start, folder) -> None:
    start(
        monitor=str(folder / 'status.sock'),
        guest_socket_dir=str(folder / 'missing'),
    )
    status, body = fakes.get(folder / 'status.sock', '/health')
    assert status == 503
    assert b'guest sockets: No such file or directory' in body


def test_a_removed_folder_that_is_still_seen_is_no_health(
    start, folder, removed_folder
) -> None:
    """As the systemd unit's mount shows it, when another is made."""
    start(monitor=str(folder / 'status.sock'), guest_socket_dir=removed_folder)
    status, body = fakes.get(folder / 'status.sock', '/health')
    assert status == 503
    assert b'restart nova-ext-channel' in body


def test_a_status_socket_that_is_taken_does_not_end_the_daemon(
    start, qemu, program, folder, caplog
) -> None:
    guest = qemu()
    (folder / 'status.sock').write_text('precious')
    start(monitor=str(folder / 'status.sock'))
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}
    assert 'Health and counts are not served at' in caplog.text
    assert (folder / 'status.sock').read_text() == 'precious'


def test_systemd_is_told(folder, monkeypatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / 'notify'))
        systemd.settimeout(10)
        monkeypatch.setenv('NOTIFY_SOCKET', str(folder / 'notify'))
        monkeypatch.setenv('WATCHDOG_USEC', '20000')
        with fakes.running(fakes.settings(folder)):
            told = [systemd.recv(100) for _ in range(4)]
        assert told == [b'READY=1', *[b'WATCHDOG=1'] * 3]
        while told[-1] == b'WATCHDOG=1':
            told.append(systemd.recv(100))
        assert told[-1] == b'STOPPING=1'


def test_a_program_notices_that_the_daemon_is_gone(folder) -> None:
    path = str(folder / 'channel.sock')
    with fakes.running(fakes.settings(folder)):
        asker = client.LocalProgram(path, 'scale-1')
    with asker, pytest.raises(exception.ChannelUnavailable, match='closed'):
        asker.receive(fakes.soon())


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
