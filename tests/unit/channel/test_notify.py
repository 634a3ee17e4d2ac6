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
import socket

import pytest

from nova_ext.channel import notify


def test_without_systemd_nothing_is_told(monkeypatch) -> None:
    monkeypatch.delenv('NOTIFY_SOCKET', raising=False)
    notify.tell('READY=1')


def test_an_abstract_socket_and_a_missing_one(space, monkeypatch) -> None:
    name = space.path('notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        systemd.settimeout(10)
        monkeypatch.setenv('NOTIFY_SOCKET', '@' + name[1:])
        notify.tell('READY=1')
        assert systemd.recv(100) == b'READY=1'
    notify.tell('READY=1')


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('30000000', 15.0), ('0', None), ('', None), ('x', None)],
)
def test_the_watchdogs_interval(monkeypatch, text: str, seconds) -> None:
    monkeypatch.setenv('WATCHDOG_USEC', text)
    assert notify.interval() == seconds
