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
"""Tools that were written for the original host agent."""

import errno
import json
import os
import socket

import pytest

from nova_ext.channel import admission
from nova_ext.channel import daemon
from nova_ext.channel import legacy
from nova_ext.channel import local
from tests.unit import captures
from tests.unit import polling
from tests.unit.channel import fakes

GROUP = 'cgcs.server_grp'


@pytest.fixture
def prefix(space) -> str:
    return space.path('')[1:]


@pytest.fixture
def tool(space, stack):
    """Return a function that makes a tool with an abstract name."""

    def make(address: str) -> socket.socket:
        sock = stack.enter_context(space.bind(address))
        sock.settimeout(10)
        return sock

    return make


@pytest.fixture
def serve(start, prefix):
    """Return a function that runs the daemon with its abstract socket."""

    def make(**changes):
        return start(legacy_socket=True, legacy_prefix=prefix, **changes)

    return make


def ask(sock: socket.socket, space, datagram: bytes) -> None:
    polling.until(lambda: space.send(sock, datagram, 'cgcs.messaging') is None)


def request(instance: str = fakes.INSTANCE) -> bytes:
    return (
        b'{"version":2,"dest_instance":"%s","dest_addr":"cgcs.scale",'
        b'"data":{"a":1}}' % instance.encode()
    )


def test_it_is_off_unless_switched_on(start, space, prefix) -> None:
    start(legacy_prefix=prefix)
    space.bind('cgcs.messaging').close()


def test_a_captured_scale_request_is_served(serve, qemu, tool, space) -> None:
    """What guest_scale_helper sends and gets, byte for byte."""
    guest = qemu()
    serve()
    helper = tool('scale-0000000a')
    for item in captures.exchanges():
        data = (
            item['request']
            .partition(b'{"data":')[2]
            .rpartition(b',"version":2,"dest_addr"')[0]
        )
        ask(
            helper,
            space,
            b'{"version":2,"dest_instance":"instance-0000000a",'
            b'"dest_addr":"cgcs.scale","data":%s}' % data,
        )
        assert guest.line() == item['request']
        guest.send(b'\n' + item['answered'] + b'\n')
        got = helper.recv(10000)
        answer = item['answered'].partition(b',"version":2,"dest_addr"')[0]
        assert got == (
            answer + b',"version":2,"source_addr":"cgcs.scale",'
            b'"source_instance":"instance-0000000a"}'
        )


def test_the_captured_service_is_served(serve, qemu, tool, space) -> None:
    """All that the compute service sent; the guests get the same bytes."""
    guests = {
        name: qemu(name) for name in ('instance-0000000a', 'instance-0000000b')
    }
    serve(legacy_addresses=(GROUP,))
    service = tool(GROUP)
    wanted = set(captures.lines('to_guest'))
    for datagram in captures.datagrams('from_program'):
        ask(service, space, datagram)
        name = 'instance-0000000' + ('b' if b'0b","dest' in datagram else 'a')
        assert guests[name].line() in wanted


def test_a_listed_name_gets_messages_before_it_sent_any(
    serve, qemu, tool
) -> None:
    guest = qemu()
    serve(legacy_addresses=(GROUP,))
    service = tool(GROUP)
    guest.say(GROUP, '{"a":1}', GROUP)
    assert service.recv(1000) == (
        b'{"data":{"a":1},"version":2,"source_addr":"cgcs.server_grp",'
        b'"source_instance":"instance-0000000a"}'
    )


def test_a_strict_reader_can_read_what_a_tool_gets(serve, qemu, tool) -> None:
    """The old service does not survive other JSON."""
    guest = qemu()
    serve(legacy_addresses=(GROUP,))
    service = tool(GROUP)
    for text in ('a', '\x1b[2J\x00'):
        guest.say(GROUP, '{"a":"%s"}' % text, GROUP)
        assert json.loads(service.recv(1000))['data'] == {'a': text}


def test_a_message_that_grows_too_long_costs_no_other(
    serve, qemu, tool
) -> None:
    """Control characters grow sixfold, which the kernel would not take."""
    guest = qemu()
    server = serve(legacy_addresses=(GROUP,), line_bytes=65536)
    service = tool(GROUP)
    # The third has the shape of the others, so nothing else prints it anew.
    for text in ('one', 'two', '\x01' * 40000, 'after'):
        guest.say(GROUP, '{"a":"%s"}' % text, GROUP)
    got = [json.loads(service.recv(10000))['data']['a'] for _ in range(3)]
    assert got == ['one', 'two', 'after']
    wanted = {'to_program': 3, 'dropped: too_long': 1}
    polling.until(lambda: fakes.counts(server) == wanted)


def test_another_name_gets_nothing_before_it_sent_something(
    serve, qemu, tool, space
) -> None:
    guest = qemu()
    server = serve()
    eavesdropper = tool('cgcs.other')
    guest.say('cgcs.other', '1')
    polling.until(lambda: fakes.counts(server)['dropped: no_program'] == 1)
    eavesdropper.setblocking(False)
    with pytest.raises(BlockingIOError):
        eavesdropper.recv(1)
    eavesdropper.settimeout(10)
    ask(eavesdropper, space, request())
    assert guest.message()
    guest.say('cgcs.other', '2')
    assert b'"data":2' in eavesdropper.recv(1000)


def test_a_user_who_is_not_admitted_is_not_served(
    serve, qemu, tool, space, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(admission.Admission, 'admits', lambda self, uid: False)
    guest = qemu()
    serve()
    ask(tool('scale-1'), space, request())
    polling.until(
        lambda: 'user %d is not admitted' % os.geteuid() in caplog.text
    )
    guest.connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        guest.connection.recv(1)


def test_a_tool_without_a_name_is_not_served(serve, space, caplog) -> None:
    serve()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unbound:
        unbound.sendto(request(), space.path('cgcs.messaging'))
        polling.until(lambda: 'bound no abstract name' in caplog.text)


def test_a_tool_that_is_gone_costs_its_own_messages_only(
    serve, qemu, tool, space
) -> None:
    guest = qemu()
    server = serve()
    with space.bind('scale-1') as gone:
        ask(gone, space, request())
        assert guest.message()
    guest.say('scale-1', '1')
    polling.until(lambda: fakes.counts(server)['dropped: program_gone'] == 1)
    here = tool('scale-2')
    ask(here, space, request())
    assert guest.message()
    guest.say('scale-2', '2')
    assert b'"data":2' in here.recv(1000)


def test_a_host_short_of_files_costs_one_message_only(
    serve, qemu, tool, monkeypatch
) -> None:
    guest, server = qemu(), serve(legacy_addresses=(GROUP,))
    group = tool(GROUP)

    class Short:
        def __getattr__(self, name: str) -> object:
            return getattr(socket, name)

        def socket(self, *kind: int) -> socket.socket:
            raise OSError(errno.EMFILE, 'Too many open files')

    with monkeypatch.context() as patched:
        patched.setattr(legacy, 'socket', Short())
        guest.say(GROUP, '1')
        polling.until(lambda: fakes.counts(server)['dropped: program_gone'])
    guest.say(GROUP, '2')
    assert b'"data":2' in group.recv(10000)


def test_a_tool_that_does_not_read_holds_up_no_other(
    serve, qemu, tool, space
) -> None:
    guest = qemu()
    server = serve(legacy_addresses=('cgcs.stuck',), program_queue_messages=10)
    stuck = tool('cgcs.stuck')
    for _ in range(60):
        guest.say('cgcs.stuck', '"%s"' % ('x' * 9000))
    polling.until(lambda: fakes.counts(server)['dropped: program_full'] > 0)
    here = tool('scale-2')
    ask(here, space, request())
    assert guest.message()
    guest.say('scale-2', '2')
    assert b'"data":2' in here.recv(1000)
    # What was queued behind the kernel's ten comes once it reads.
    for _ in range(15):
        assert stuck.recv(10000)


def test_a_tool_that_came_back_gets_the_next_message(
    serve, qemu, tool, space
) -> None:
    guest = qemu()
    serve(legacy_addresses=('cgcs.x',))
    for number in range(3):
        with space.bind('cgcs.x') as one:
            one.settimeout(10)
            guest.say('cgcs.x', str(number))
            assert b'"data":%d' % number in one.recv(1000)


def test_a_burst_beyond_the_kernels_queue_is_not_lost(
    serve, qemu, tool
) -> None:
    guest = qemu()
    server = serve(legacy_addresses=('cgcs.x',))
    one = tool('cgcs.x')
    for number in range(100):
        guest.say('cgcs.x', str(number))
    polling.until(lambda: fakes.counts(server)['to_program'] == 100)
    for number in range(100):
        assert b'"data":%d,' % number in one.recv(1000)


def test_the_number_of_remembered_names_is_bounded(
    serve, qemu, tool, space
) -> None:
    guest = qemu()
    server = serve()
    for number in range(legacy._KNOWN + 5):
        with space.bind('tool-%d' % number) as one:
            ask(one, space, request())
            assert guest.message()
    assert len(server._legacy._known) == legacy._KNOWN
    assert server._legacy.find('tool-0') is None


def test_the_original_agent_must_not_run_beside_it(
    folder, space, prefix
) -> None:
    with space.bind('cgcs.messaging'):
        with pytest.raises(
            local.CannotServe,
            match='serves the abstract socket .*cgcs.messaging: stop it, or '
            r'set \[nova_ext_channel\]legacy_socket = False',
        ):
            daemon.Daemon(
                fakes.settings(
                    folder, legacy_socket=True, legacy_prefix=prefix
                )
            )
