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
import json
import pathlib
import threading
import time
from typing import Any

import pytest

from nova_ext.guest import hooks
from nova_ext.guest import runner


class Folder:
    """A folder of shell scripts that note what they were given."""

    def __init__(self, root: pathlib.Path) -> None:
        self.path = root / 'scale.d'
        self.path.mkdir()
        self._log = root / 'log'
        self._log.touch()

    def add(self, name: str, *lines: str, mode: int = 0o755) -> None:
        hook = self.path / name
        note = 'read -r given; echo "%s $given" >> %s' % (name, self._log)
        hook.write_text('\n'.join(('#!/bin/sh', note, *lines, '')))
        hook.chmod(mode)

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        """Return who was given what, in order."""
        lines = self._log.read_text().splitlines()
        parts = [line.partition(' ') for line in lines]
        return [(name, json.loads(given)) for name, _, given in parts]

    def events(self) -> list[tuple[str, str]]:
        return [(name, given['event']) for name, given in self.heard()]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def asked(folder: Folder) -> hooks.Hooks:
    return hooks.Hooks(str(folder.path))


def soon(seconds: float = 30) -> runner.Limit:
    return runner.Limit(time.monotonic() + seconds)


def test_a_missing_folder_has_no_hooks(tmp_path: pathlib.Path) -> None:
    none = hooks.Hooks(str(tmp_path / 'missing'))
    assert none.paths() == []
    assert none.choose([0, 1], soon()) is None
    none.leave(1, [0, 1], False, soon())
    none.join(1, [0, 1], soon())
    none.step_back('online', 1, [0, 1])


def test_hooks_run_in_the_order_of_their_names(folder, asked) -> None:
    for name in ('20-b', '10-a', 'c.sh'):
        folder.add(name)
    for name in ('.hidden', 'a~', 'a.dpkg-new', 'a.bak', 'x.orig', 'a b'):
        folder.add(name)
    folder.add('plain', mode=0o644)
    (folder.path / 'folder').mkdir()
    asked.join(1, [1, 0], soon())
    assert [name for name, _ in folder.heard()] == ['10-a', '20-b', 'c.sh']


def test_a_hook_reads_one_object(folder, asked) -> None:
    folder.add('a')
    asked.leave(3, frozenset([3, 0, 1]), False, soon(5))
    ((_, given),) = folder.heard()
    assert 0 < given.pop('timeout_ms') <= 5000
    assert given == {
        'version': 1,
        'event': 'offline',
        'cpu': 3,
        'online': [0, 1, 3],
        'required': False,
    }


def test_the_first_wish_counts_and_all_are_asked(folder, asked) -> None:
    folder.add('a')
    folder.add('b', "echo '{\"cpu\": 2}'")
    folder.add('c', "echo '{\"cpu\": 1}'")
    assert asked.choose([0, 1, 2], soon()) == 2
    assert folder.events() == [(name, 'choose') for name in 'abc']
    assert folder.heard()[0][1]['cpu'] is None


def test_without_a_wish_the_agent_chooses(folder, asked) -> None:
    folder.add('a', 'echo "{}"')
    folder.add('b', "echo '{\"cpu\": null}'")
    assert asked.choose([0, 1], soon()) is None


@pytest.mark.parametrize(
    ('lines', 'said'),
    [
        (['exit 1'], 'a refuses choose: .it ended with 1'),
        (["echo '{\"reason\": \"too busy\"}'", 'exit 9'], "'too busy'"),
        (['kill -9 $$'], 'it ended with -9'),
        (['echo hello'], "printed b'hello"),
        (['echo []', 'exit 1'], 'which is no JSON object'),
        (["printf '\\377'"], 'which is no JSON object'),
        (["echo '{\"cpu\": 7}'"], "chooses '7', which is no online cpu"),
        (["echo '{\"cpu\": true}'"], "chooses 'True'"),
        (["echo '{\"cpu\": [1]}'"], 'which is no online cpu'),
        (["cat <<'E'", r'{"reason": "a\nb"}', 'E', 'exit 1'], r"'a\\nb'"),
    ],
)
def test_what_is_a_refusal(folder, asked, lines, said: str) -> None:
    folder.add('a', *lines)
    with pytest.raises(hooks.Refused, match=said):
        asked.choose([0, 1], soon())


def test_a_refusal_is_heard_by_those_who_had_agreed(folder, asked) -> None:
    folder.add('a')
    folder.add('b', 'exit 1')
    folder.add('c')
    with pytest.raises(hooks.Refused):
        asked.leave(1, [0, 1], False, soon())
    assert folder.events() == [
        ('a', 'offline'),
        ('b', 'offline'),
        ('a', 'online'),
    ]
    assert folder.heard()[-1][1]['required']


@pytest.mark.parametrize('line', ['exec sleep 600', 'echo junk'])
def test_a_hook_that_did_half_of_its_work_hears_of_the_step_back(
    folder, asked, line: str
) -> None:
    folder.add('a')
    folder.add('b', 'case $given in *offline*) %s;; esac' % line)
    with pytest.raises(hooks.Refused):
        asked.leave(1, [0, 1], False, soon(0.5))
    assert folder.events() == [
        ('a', 'offline'),
        ('b', 'offline'),
        ('a', 'online'),
        ('b', 'online'),
    ]


def test_a_refused_cpu_goes_offline_for_all_again(folder, asked) -> None:
    folder.add('a')
    folder.add('b', 'exit 1')
    with pytest.raises(hooks.Refused):
        asked.join(1, [0, 1], soon())
    assert folder.events()[-1] == ('a', 'offline')


def test_what_is_required_cannot_be_refused(folder, asked, caplog) -> None:
    folder.add('a', 'exit 1')
    folder.add('b')
    asked.leave(1, [0, 1], True, soon())
    assert folder.events() == [('a', 'offline'), ('b', 'offline')]
    assert 'the host requires it all the same' in caplog.text


def test_a_step_back_is_told_to_all(folder, asked, caplog) -> None:
    folder.add('a', 'exit 1')
    folder.add('b')
    asked.step_back('online', 1, [0, 1])
    assert folder.events() == [('a', 'online'), ('b', 'online')]
    assert 'but that has been decided' in caplog.text


def test_a_slow_hook_is_stopped_and_refuses(folder, asked) -> None:
    folder.add('a', 'exec sleep 600')
    with pytest.raises(hooks.Refused, match='a failed: .* stopped after'):
        asked.choose([0, 1], soon(0.3))


def test_hooks_share_the_time(folder, asked) -> None:
    folder.add('a', 'sleep 0.2')
    folder.add('b')
    asked.leave(1, [0, 1], False, soon(20))
    first, second = (given['timeout_ms'] for _, given in folder.heard())
    assert second <= first - 200


def test_a_hook_that_cannot_run_refuses(folder, asked) -> None:
    (folder.path / 'a').write_text('#!/nonexistent\n')
    (folder.path / 'a').chmod(0o755)
    with pytest.raises(hooks.Refused, match='No such file'):
        asked.choose([0, 1], soon())


def test_a_withdrawn_request_asks_no_further_hook(folder, asked) -> None:
    folder.add('a')
    folder.add('b')
    void = threading.Event()
    limit = runner.Limit(time.monotonic() + 30, void.is_set)
    void.set()
    with pytest.raises(hooks.Refused):
        asked.leave(1, [0, 1], False, limit)
    assert ('b', 'offline') not in folder.events()
