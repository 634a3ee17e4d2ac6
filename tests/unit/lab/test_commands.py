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
"""Programs have a time limit, a log and as many attempts as they are given."""

import pathlib
import sys

import pytest

from tests.lab import commands
from tests.lab import errors


def python(code: str) -> list[str]:
    return [sys.executable, '-c', code]


def test_a_failure_shows_the_end_of_the_log(tmp_path: pathlib.Path) -> None:
    code = 'print("why it failed"); raise SystemExit(4)'
    with pytest.raises(errors.LabError) as failure:
        commands.run(python(code), tmp_path / 'x' / 'log', 20)
    assert 'ended with status 4' in str(failure.value)
    assert 'why it failed' in str(failure.value)


def test_the_time_limit(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.LabError, match='did not end within'):
        commands.run(
            python('import signal; signal.pause()'), tmp_path / 'log', 0.1
        )


def test_attempts(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('time.sleep', lambda _seconds: None)
    counter = tmp_path / 'counter'
    code = (
        f'import pathlib; file = pathlib.Path({str(counter)!r}); '
        'count = len(file.read_text()) if file.exists() else 0; '
        'file.write_text("x" * (count + 1)); raise SystemExit(count < 2)'
    )
    commands.run(python(code), tmp_path / 'log', 20, attempts=3)
    assert counter.read_text() == 'xxx'


def test_output() -> None:
    assert commands.output(python('print("yes")')) == 'yes\n'
    with pytest.raises(errors.LabError, match='because'):
        commands.output(python('raise SystemExit("because")'))
    with pytest.raises(errors.LabError, match='no-such-program'):
        commands.output(['no-such-program'])
