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
"""Processes are known by start time and mark, never by their pid alone."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.lab import identity

MARK = identity.MARK + 'b0b'


def write_process(
    proc: pathlib.Path, pid: int, stat: str, mounts: str = ''
) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / 'stat').write_text(stat)
    (folder / 'mountinfo').write_text(mounts)


def stat(pid: int, name: str, state: str = 'S', start: int = 777) -> str:
    return f'{pid} ({name}) {state} ' + '0 ' * 18 + f'{start} 0 0\n'


MOUNTS = (
    '21 1 8:1 / / rw - ext4 /dev/vda rw\n'
    '99 21 0:55 / /x rw - tmpfs nova-ext-lab:b0b rw\n'
)


def test_start_time_of_this_process_is_stable() -> None:
    first = identity.start_time(os.getpid())
    assert first is not None
    assert identity.start_time(os.getpid()) == first


@pytest.mark.parametrize('name', ['sh', 'a b', ') S 1 2 (', '((('])
def test_start_time_of_any_name(tmp_path: pathlib.Path, name: str) -> None:
    write_process(tmp_path, 5, stat(5, name))
    assert identity.start_time(5, tmp_path) == 777


def test_a_dead_process_has_no_start_time(tmp_path: pathlib.Path) -> None:
    write_process(tmp_path, 5, stat(5, 'sh', 'Z'))
    assert identity.start_time(5, tmp_path) is None
    assert identity.start_time(6, tmp_path) is None


def test_bearers_are_those_with_the_mark(tmp_path: pathlib.Path) -> None:
    write_process(tmp_path, 5, stat(5, 'sh'), MOUNTS)
    write_process(tmp_path, 6, stat(6, 'sh'), MOUNTS.replace('b0b', 'b0c'))
    write_process(tmp_path, 7, stat(7, 'sh', 'Z'), MOUNTS)
    write_process(tmp_path, 8, stat(8, 'sh'))
    (tmp_path / 'self').mkdir()
    assert identity.bearers(MARK, tmp_path) == [5]


def test_the_mark_of_another_lab_is_not_ours(tmp_path: pathlib.Path) -> None:
    longer = MOUNTS.replace('b0b', 'b0bb')
    write_process(tmp_path, 5, stat(5, 'sh'), longer)
    assert identity.bearers(MARK, tmp_path) == []


def test_a_mark_is_kept_and_unlike_others(tmp_path: pathlib.Path) -> None:
    one, other = tmp_path / 'one', tmp_path / 'other'
    mark = identity.mark_of(one)
    assert identity.mark_of(one) == mark
    assert identity.mark_of(other) != mark
    assert len(mark.split()) == 1


def test_end_all_leaves_others_alone() -> None:
    with subprocess.Popen(
        [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE
    ) as other:
        assert identity.end_all(MARK) == []
        assert other.poll() is None
        other.communicate(b'\n', timeout=20)
    assert other.returncode == 0
