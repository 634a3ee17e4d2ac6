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
"""The whole daemon where the host, or its own code, fails for a moment."""

import errno
import socket

import pytest

from nova_ext.channel import folder as folder_module
from nova_ext.channel import guests
from tests.unit import polling
from tests.unit.channel import fakes


class Short:
    """The module socket on a host that is short of files for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)

    def socket(self, *kind: int) -> socket.socket:
        if self.failures > 0:
            self.failures -= 1
            raise OSError(errno.EMFILE, 'Too many open files')
        return socket.socket(*kind)


@pytest.mark.parametrize('early', [True, False], ids=['at start', 'later'])
def test_a_host_short_of_files_serves_its_guests_in_the_end(
    start, qemu, program, monkeypatch, caplog, early: bool
) -> None:
    short = Short(2)
    monkeypatch.setattr(guests, 'socket', short)
    if not early:
        start()
    guest = qemu()
    if early:
        start()
    assert guest.connection
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}
    assert caplog.text.count('Too many open files') == 1


@pytest.mark.parametrize('watched', [True, False])
def test_a_look_that_fails_is_not_the_last(
    start, qemu, program, monkeypatch, caplog, watched: bool
) -> None:
    if not watched:
        monkeypatch.setattr(folder_module.Watch, 'start', lambda self: None)
    server = start(scan_interval=0.05)
    real = server._folder.look
    answers = iter([RuntimeError('expected by the test')] * 3)

    def look():
        for error in answers:
            raise error
        return real()

    monkeypatch.setattr(server._folder, 'look', look)
    polling.until(lambda: caplog.text.count('expected by the test') >= 3)
    monkeypatch.setattr(server, '_changed', lambda found: None)
    guest = qemu()
    assert guest.connection
    assert fakes.exchange(guest, program('scale-1')) == {'n': 1}
