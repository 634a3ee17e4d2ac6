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
import errno
import os
import pathlib
import tty

import pytest

from nova_ext.guest import port
from nova_ext.wire import framing
from tests.unit.guest import fakes


@pytest.fixture
def opened(wire):
    made = fakes.port_on(wire[0])
    assert made.open() == 0
    yield made
    made.close()


class Device:
    """Stands for os.read and os.write on a device that misbehaves."""

    def __init__(self, monkeypatch) -> None:
        self.reads: list[bytes | OSError] = []
        self.writes: list[int | OSError] = []
        self.written = b''
        monkeypatch.setattr(port.os, 'read', self._read)
        monkeypatch.setattr(port.os, 'write', self._write)

    def _read(self, fd: int, size: int) -> bytes:
        result = self.reads.pop(0) if self.reads else BlockingIOError()
        if isinstance(result, OSError):
            raise result
        return result

    def _write(self, fd: int, content: bytes) -> int:
        result = self.writes.pop(0) if self.writes else len(content)
        if isinstance(result, OSError):
            raise result
        self.written += bytes(content[:result])
        return result


def test_lines_arrive_and_messages_leave(opened, wire) -> None:
    wire[1].send(b'{"a":1}\n{"b":2}\n{"c"')
    assert opened.receive() == [b'{"a":1}', b'{"b":2}']
    assert opened.send(b'{"x":1}') is None
    assert opened.send(b'{"y":2}') is None
    assert wire[1].recv(100) == b' \n{"x":1}\n\n{"y":2}\n'


def test_a_missing_device_is_told_once_and_tried_again(
    tmp_path: pathlib.Path, caplog, monkeypatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(port.time, 'monotonic', lambda: clock[0])
    device = port.Port(str(tmp_path / 'missing'))
    delays = []
    for _ in range(9):
        delays.append(device.open())
        clock[0] += delays[-1]
    assert delays == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 30.0, 30.0]
    assert caplog.text.count('this host gives the server no channel') == 1
    (tmp_path / 'missing').touch()
    assert device.open() == 0
    device.close()


def test_before_the_time_the_device_is_not_tried(
    tmp_path: pathlib.Path,
) -> None:
    tried: list[str] = []

    def opener(path: str) -> int:
        tried.append(path)
        raise FileNotFoundError(errno.ENOENT, 'missing')

    device = port.Port('x', opener)
    device.open()
    assert 0 < device.open() <= 0.1
    assert tried == ['x']


def test_a_device_in_use_is_told(caplog) -> None:
    def opener(path: str) -> int:
        raise OSError(errno.EBUSY, 'busy')

    port.Port('x', opener).open()
    assert 'another program has opened it' in caplog.text


def test_the_device_is_opened_for_both_ways_without_blocking(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / 'device'
    path.touch()
    fd = port.open_device(str(path))
    assert not os.get_blocking(fd)
    assert os.write(fd, b'x') == 1
    os.close(fd)


def test_an_empty_read_means_that_the_host_is_away(
    opened, monkeypatch, caplog
) -> None:
    device = Device(monkeypatch)
    device.reads = [b'{"half', b'']
    assert opened.receive() == []
    assert not opened.host_present
    device.writes = [BlockingIOError()]
    assert opened.send(b'{}') == 'the host is away'
    device.reads = [b'":1}\n{"a":1}\n']
    assert opened.receive() == [b'":1}', b'{"a":1}']
    assert opened.host_present
    assert opened.send(b'{}') is None
    assert device.written == b' \n{}\n'
    assert 'The host left the port' in caplog.text
    assert 'The host opened the port' in caplog.text


def test_a_slow_host_gets_all_bytes_later(opened, monkeypatch) -> None:
    device = Device(monkeypatch)
    device.writes = [3, BlockingIOError(), BlockingIOError()]
    assert opened.send(b'{"a":1}') is None
    assert opened.send(b'{"b":2}') is None
    opened.flush()
    assert device.written == b' \n{"a":1}\n\n{"b":2}\n'


def test_a_host_that_does_not_read_bounds_what_waits(
    opened, monkeypatch
) -> None:
    device = Device(monkeypatch)
    device.writes = [BlockingIOError()] * 100
    results = {opened.send(b'x' * 30000) for _ in range(20)}
    assert results == {None, 'the host does not read'}
    device.writes = []
    opened.flush()
    assert len(device.written) <= port.MAX_UNSENT


def test_what_waited_for_a_host_that_left_is_dropped(
    opened, monkeypatch
) -> None:
    device = Device(monkeypatch)
    device.writes = [2, BlockingIOError()]
    opened.send(b'{"old":1}')
    device.reads = [b'']
    opened.receive()
    device.reads = []
    opened.receive()
    opened.send(b'{"new":1}')
    assert device.written.endswith(b' \n{"new":1}\n')
    assert b'old' not in device.written


def test_a_lost_device_is_closed_and_tried_again_later(
    opened, monkeypatch, caplog
) -> None:
    device = Device(monkeypatch)
    device.reads = [b'{"half', OSError(errno.EIO, 'Input/output error')]
    assert opened.receive() == []
    assert opened.fd is None
    assert 'Lost a pair of sockets: Input/output error' in caplog.text
    assert opened.send(b'{}') == 'the port is not open'
    assert 0 < opened.open() <= port.RETRY[0]


def test_a_write_to_a_lost_device_closes_it(opened, monkeypatch) -> None:
    Device(monkeypatch).writes = [OSError(errno.EPIPE, 'Broken pipe')]
    assert opened.send(b'{}') == 'the host is away'
    assert opened.fd is None


def test_a_message_longer_than_a_line_is_refused(opened) -> None:
    assert 'longer than a line' in opened.send(b'x' * framing.MAX_LINE)


def test_it_works_on_a_terminal_as_on_the_device() -> None:
    """A character device with a path, as the captures were made with."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    path = os.ttyname(slave)
    tty.setraw(slave)
    device = port.Port(path)
    assert device.open() == 0
    os.write(master, b'{"a":1}\n')
    assert device.receive() == [b'{"a":1}']
    device.send(b'{"b":2}')
    assert os.read(master, 100) == b' \n{"b":2}\n'
    device.close()
    os.close(master)
    os.close(slave)
