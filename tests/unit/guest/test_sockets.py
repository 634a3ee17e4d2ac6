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
import array
from collections.abc import Iterator
import errno
import os
import resource
import socket

import pytest

from nova_ext.guest import guest_host_msg
from nova_ext.guest import server_group
from nova_ext.guest import sockets
from nova_ext.wire import server_group as wire
from tests.unit.guest import fakes


def test_the_kernel_keeps_an_address_for_one_program(space) -> None:
    with space.bind('cgcs.scale'):
        with pytest.raises(OSError) as caught:
            space.bind('cgcs.scale')
        assert caught.value.errno == errno.EADDRINUSE
    space.bind('cgcs.scale').close()


def test_the_sender_is_known_by_its_socket(space) -> None:
    with space.bind('a') as receiver, space.bind('scale-1') as sender:
        assert space.send(sender, b'text', 'a') is None
        assert receiver.recvfrom(100)[0] == b'text'
        space.send(sender, b'text', 'a')
        assert space.address(receiver.recvfrom(100)[1]) == 'scale-1'


@pytest.mark.parametrize(
    'path', [None, '', '/run/socket', b'', b'\0other', b'plain']
)
def test_a_sender_elsewhere_has_no_address(space, path: object) -> None:
    assert space.address(path) is None


@pytest.mark.parametrize('name', [b'a b', b'\xff', b''])
def test_a_sender_with_a_strange_name_has_no_address(name: bytes) -> None:
    assert sockets.Space().address(b'\0' + name) is None


def test_the_kernel_says_whose_process_sent(space) -> None:
    """Of a plain socket, as the original programs have."""
    with space.bind('a') as receiver:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b'text', space.path('a'))
        assert sockets.receive(receiver) == (b'text', os.geteuid())
        with pytest.raises(BlockingIOError):
            sockets.receive(receiver)


def test_descriptors_that_a_sender_passes_on_are_not_kept(space) -> None:
    with space.bind('a') as receiver, space.bind('b') as sender:
        passed = array.array('i', [receiver.fileno()])
        sender.sendmsg(
            [b'text'],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)],
            0,
            space.path('a'),
        )
        before = os.listdir('/proc/self/fd')
        assert sockets.receive(receiver) == (b'text', os.geteuid())
        assert os.listdir('/proc/self/fd') == before


def test_a_missing_program_is_named(space) -> None:
    with space.bind('a') as sender:
        assert space.send(sender, b'', 'nobody') == 'Connection refused'
        assert 'path too long' in space.send(sender, b'', 'x' * 107)


def test_programs_that_do_not_read_hold_up_no_other(space) -> None:
    """What they leave unread is charged to the sender's buffer."""
    sender = space.bind('agent')
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    stuck = [space.bind('stuck-%d' % number) for number in range(8)]
    reader = space.bind('reader')
    failures = [
        space.send(sender, b'x' * 1000, 'stuck-%d' % (number % 8))
        for number in range(300)
    ]
    assert failures[-1] == 'the program does not read'
    assert space.send(sender, b'y' * 1000, 'reader') is None
    assert reader.recv(2000) == b'y' * 1000
    for sock in (sender, reader, *stuck):
        sock.close()


def test_a_taken_address_is_awaited(space, caplog) -> None:
    other = space.bind('a')
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 6:
            other.close()
        return False

    sock = space.bind_when_free('a', pause)
    assert sock is not None
    sock.close()
    assert pauses == [0.1, 0.5, 1.0, 5.0, 5.0, 5.0]
    assert caplog.text.count('The address a is in use') == 1


def test_waiting_for_an_address_can_be_ended(space) -> None:
    with space.bind('a'):
        assert space.bind_when_free('a', lambda seconds: True) is None


def test_another_error_is_not_waited_out(space) -> None:
    with pytest.raises(OSError, match='path too long'):
        space.bind_when_free('x' * 107, lambda seconds: True)


def test_it_is_known_whether_a_program_has_an_address(space) -> None:
    assert not space.has('a')
    with space.bind('a'):
        assert space.has('a')
    assert not space.has('a')


def test_sockets_are_not_inherited(space) -> None:
    with space.bind('a') as sock:
        assert not os.get_inheritable(sock.fileno())


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """A program has as many as `select.select` can tell apart, and more."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))
    taken = [os.dup(0)]
    try:
        while taken[-1] < 1024:
            taken.append(os.dup(0))
        yield
    finally:
        for fileno in taken:
            os.close(fileno)
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))


def test_programs_may_have_many_descriptors(space, many_descriptors) -> None:
    with fakes.OldAgent(space) as agent:
        with server_group.connect(space=space) as group:
            assert group.fileno() > 1023
            assert list(group.events(timeout=0)) == []
            agent.deliver(wire.forwarded('i', 'x'), wire.ADDRESS, wire.ADDRESS)
            assert next(group.events()) == server_group.Broadcast('x', 'i')
        with guest_host_msg.connect('my-app', space=space) as host:
            assert host.receive(-1) is None
            agent.deliver(1, 'my-app', 's')
            assert host.receive(10) == ('s', 1)
