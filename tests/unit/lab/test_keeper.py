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
"""The keeper starts, signals and reaps, and answers bad requests."""

import os
import pathlib
import signal
import sys
import time
import typing

import pytest

from tests.lab import identity
from tests.lab import keeper


@pytest.fixture
def order(tmp_path: pathlib.Path) -> dict[str, typing.Any]:
    """A request to start a program that waits for ever."""
    return {
        'action': 'start',
        'name': 'waiter',
        'arguments': [sys.executable, '-c', 'import signal; signal.pause()'],
        'env': dict(os.environ),
        'cwd': str(tmp_path),
        'log': str(tmp_path / 'waiter.log'),
    }


def status_of(found: keeper.Keeper, name: str) -> int | None:
    """Wait until a service has ended, as ``serve`` does by SIGCHLD."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found.reap()
        status = found.answer({'action': 'list'})[name]['status']
        if status is not None:
            return int(status)
        time.sleep(0.01)
    return None


def test_start_signal_and_list(order: dict[str, typing.Any]) -> None:
    found = keeper.Keeper()
    pid = found.answer(order)
    listed = found.answer({'action': 'list'})['waiter']
    assert listed['pid'] == pid
    assert listed['start_time'] == identity.start_time(pid)
    assert listed['status'] is None
    with pytest.raises(ValueError, match='runs already'):
        found.answer(order)
    request = {'action': 'signal', 'name': 'waiter', 'signal': signal.SIGKILL}
    assert found.answer(request) is True
    assert status_of(found, 'waiter') == -signal.SIGKILL
    assert found.answer(request) is False


def test_a_service_may_be_started_again(
    order: dict[str, typing.Any],
) -> None:
    order['arguments'] = [sys.executable, '-c', 'raise SystemExit(7)']
    found = keeper.Keeper()
    found.answer(order)
    assert status_of(found, 'waiter') == 7
    found.answer(order)
    assert status_of(found, 'waiter') == 7


def test_end_and_nonsense() -> None:
    found = keeper.Keeper()
    with pytest.raises(ValueError, match='unknown action dance'):
        found.answer({'action': 'dance'})
    with pytest.raises(KeyError):
        found.answer({'action': 'signal', 'name': 'x', 'signal': 9})
    assert not found.ended
    found.answer({'action': 'end'})
    assert found.ended
