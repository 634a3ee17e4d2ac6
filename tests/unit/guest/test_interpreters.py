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
"""The interpreters with which the guest's programs are tested."""

import pathlib
import platform

import pytest

from tests.unit.guest import interpreters


def test_one_that_is_not_there_is_skipped_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """Not left out in silence."""
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('PYENV_ROOT', str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match='no Python 3.99 here'):
        interpreters.path_of('3.99')


def test_one_that_says_it_is_another_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    shim = tmp_path / 'python3.98'
    shim.write_text('#!/bin/sh\necho 3.97\n')
    shim.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('PYENV_ROOT', str(tmp_path))
    with pytest.raises(pytest.skip.Exception):
        interpreters.path_of('3.98')
    shim.write_text('#!/bin/sh\necho 3.98\n')
    interpreters._path_of.cache_clear()
    assert interpreters.path_of('3.98') == str(shim)


def test_this_one_is_found() -> None:
    version = '.'.join(platform.python_version_tuple()[:2])
    assert interpreters.path_of(version)
