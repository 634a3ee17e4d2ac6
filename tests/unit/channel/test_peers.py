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
import pytest

from nova_ext.channel import local_protocol
from nova_ext.channel import peers
from tests.unit import polling
from tests.unit.channel import fakes


@pytest.mark.parametrize(
    'packet', [b'junk', b'{"version":2}', b'{"version":2,"bind":null}']
)
def test_a_bad_first_packet_is_answered_and_closed(
    start, connect, packet: bytes
) -> None:
    start()
    sock = connect()
    sock.send(packet)
    assert b'"error"' in sock.recv(1000)
    assert sock.recv(1000) == b''


def test_a_connection_must_bind_soon(start, connect, monkeypatch) -> None:
    monkeypatch.setattr(peers, '_BIND_TIMEOUT', 0.05)
    start()
    sock = connect()
    assert b'no address was bound in time' in sock.recv(1000)
    assert sock.recv(1000) == b''


def test_a_bound_connection_may_be_silent(start, connect, monkeypatch) -> None:
    monkeypatch.setattr(peers, '_BIND_TIMEOUT', 0.01)
    server = start()
    sock = connect()
    sock.send(local_protocol.bind_packet('a'))
    assert b'"bound"' in sock.recv(1000)
    late = connect()
    assert b'no address was bound in time' in late.recv(1000)
    assert 'a' in server.router.programs


@pytest.mark.parametrize(
    'packet',
    [
        b'junk',
        b'{"version":2,"dest_instance":"nobody","dest_addr":"a","data":1}',
        b'x' * (local_protocol.MAX_PACKET + 100),
    ],
)
def test_a_packet_that_leads_nowhere_does_not_end_the_connection(
    start, connect, qemu, packet: bytes, caplog
) -> None:
    guest = qemu()
    server = start()
    sock = connect()
    sock.send(local_protocol.bind_packet('a'))
    assert sock.recv(1000)
    sock.send(packet)
    sock.send(
        b'{"version":2,"dest_instance":"%s","dest_addr":"b","data":1}'
        % guest.instance.encode()
    )
    assert guest.message().payload == '1'
    polling.until(lambda: sum(fakes.counts(server).values()) == 2)
    assert 'Dropped a message from a' in caplog.text


def test_a_message_longer_than_a_line_is_dropped(
    start, program, qemu, caplog
) -> None:
    guest = qemu()
    start(line_bytes=4096)
    asker = program('a')
    asker.send(guest.instance, 'b', {'text': 'x' * 5000})
    asker.send(guest.instance, 'b', 1)
    assert guest.message().payload == '1'
    assert 'longer than a line' in caplog.text


def test_a_program_that_ends_is_forgotten(start, connect) -> None:
    server = start()
    sock = connect()
    sock.send(local_protocol.bind_packet('a'))
    assert sock.recv(1000)
    sock.close()
    polling.until(lambda: not server._local.programs)
    assert server.router.programs == {}
