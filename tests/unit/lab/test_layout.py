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
"""The cache lies where the caller wants it, and keeps others out."""

import fcntl
import pathlib

import pytest

from tests.lab import errors
from tests.lab import layout


def test_the_cache_is_chosen_by_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('NOVA_EXT_CACHE', '/some/where')
    assert layout.from_environment().cache == pathlib.Path('/some/where')
    monkeypatch.setenv('NOVA_EXT_CACHE', '')
    monkeypatch.setenv('HOME', '/somebody')
    found = layout.from_environment().cache
    assert found == pathlib.Path('/somebody/.cache/nova-ext')


def test_a_path_too_long_for_sockets_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('NOVA_EXT_CACHE', '/' + 'x' * 80)
    with pytest.raises(errors.LabError, match='81 characters long'):
        layout.from_environment()


def test_nothing_of_an_earlier_run_is_left(tmp_path: pathlib.Path) -> None:
    paths = layout.Layout(tmp_path)
    paths.empty_state()
    (paths.logs / 'old.log').write_text('old')
    paths.empty_state()
    assert list(paths.logs.iterdir()) == []


def test_a_lock_keeps_others_out(tmp_path: pathlib.Path) -> None:
    paths = layout.Layout(tmp_path)
    with paths.locked('lab'):
        with (tmp_path / 'lab.lock').open() as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with paths.locked('lab'):
        pass


def test_a_further_host_has_a_state_of_its_own(tmp_path: pathlib.Path) -> None:
    paths = layout.Layout(tmp_path)
    second = paths.of_host('2')
    paths.empty_state()
    second.empty_state()
    assert second.state == paths.state / '2'
    assert second.run.is_dir()
    assert second.of_host('') == paths
    assert (second.cache, second.environments) == (
        paths.cache,
        paths.environments,
    )
