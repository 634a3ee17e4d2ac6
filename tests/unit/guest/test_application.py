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
import time

import pytest

from nova_ext.guest import application
from nova_ext.guest import runner
from tests.unit.guest import fakes


class Hooks:
    """A folder with or without hooks, which remembers what it was told."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.calls: list[tuple] = []

    def paths(self) -> list[str]:
        return self.names

    def choose(self, *args) -> int:
        self.calls.append(('choose', *args[:-1]))
        return 2

    def leave(self, *args) -> None:
        self.calls.append(('leave', *args[:-1]))

    def join(self, *args) -> None:
        self.calls.append(('join', *args[:-1]))

    def step_back(self, *args) -> None:
        self.calls.append(args)


@pytest.fixture
def limit() -> runner.Limit:
    return runner.Limit(time.monotonic() + 30)


def test_hooks_win_over_the_helper(limit) -> None:
    old, new = fakes.FakeHelper(1), Hooks('a')
    says = application.Application(old, new)
    assert says.choose([0, 1, 2], limit) == 2
    says.join(2, [0, 1, 2], [0, 1, 2, 3], limit)
    assert old.calls == []
    assert new.calls == [('choose', [0, 1, 2]), ('join', 2, [0, 1, 2])]


def test_an_empty_folder_leaves_it_to_the_helper(limit) -> None:
    old, new = fakes.FakeHelper(1), Hooks()
    says = application.Application(old, new)
    assert says.choose([0, 1, 2], limit) == 1
    says.join(2, [0, 1, 2], [0, 1, 2, 3], limit)
    assert old.calls == [['--cpu_del'], ['--cpu_add', '2', '[0,1,2,3]']]
    assert new.calls == []


def test_steps_that_the_helper_never_had(limit) -> None:
    new = Hooks('a')
    says = application.Application(fakes.FakeHelper(1), new)
    says.leave(1, [0, 1], False, limit)
    says.returned(1, [0, 1])
    says.withdrawn(1, [0])
    assert new.calls == [
        ('leave', 1, [0, 1], False),
        ('online', 1, [0, 1]),
        ('offline', 1, [0]),
    ]
