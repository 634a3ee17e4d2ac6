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
import os
import pathlib
import signal
import time

import pytest

from nova_ext.guest import helper
from nova_ext.guest import runner


@pytest.fixture
def script(tmp_path: pathlib.Path):
    """Return a function that makes a helper of the lines of a script."""

    def make(*lines: str, first: str = '#!/bin/sh') -> helper.Helper:
        path = tmp_path / 'app_scale_helper'
        path.write_text('\n'.join((first, *lines, '')))
        path.chmod(0o755)
        return helper.Helper(str(path))

    return make


def soon() -> runner.Limit:
    return runner.Limit(time.monotonic() + 30)


@pytest.mark.parametrize(
    ('status', 'cpu'),
    [(0, None), (1, 1), (126, 126), (127, None), (128, 128), (255, 255)],
)
def test_the_exit_status_is_the_choice(script, status: int, cpu) -> None:
    made = script('exit %d' % status)
    assert made.pick(soon()) == cpu


def test_a_helper_that_dies_leaves_the_choice(script) -> None:
    assert script('kill -9 $$').pick(soon()) is None


def test_no_helper_leaves_the_choice(tmp_path: pathlib.Path) -> None:
    missing = helper.Helper(str(tmp_path / 'missing'))
    assert missing.pick(soon()) is None
    plain = tmp_path / 'plain'
    plain.write_text('#!/bin/sh\nexit 3\n')
    plain.chmod(0o644)
    if not os.access(plain, os.X_OK):
        assert helper.Helper(str(plain)).pick(soon()) is None


def test_a_helper_without_interpreter_line_runs(script) -> None:
    made = script('exit 3', first='')
    assert made.pick(soon()) == 3


def test_a_helper_with_a_missing_interpreter_is_told(script, caplog) -> None:
    made = script('exit 3', first='#!/nonexistent')
    assert made.pick(soon()) is None
    assert 'Cannot run' in caplog.text


def test_arguments_are_the_captured_ones(script, tmp_path) -> None:
    """The list is one word, also where a file name would match it."""
    made = script('printf "%%s|" "$@" > %s/args' % tmp_path)
    (tmp_path / '1').touch()
    made.added(1, [0, 1, 2, 3], soon())
    assert (tmp_path / 'args').read_text() == '--cpu_add|1|[0,1,2,3]|'
    assert made.pick(soon()) is None
    assert (tmp_path / 'args').read_text() == '--cpu_del|'


def test_standard_input_is_empty(script) -> None:
    made = script('read -r line && exit 9', 'exit 4')
    assert made.pick(soon()) == 4


def test_a_failing_or_slow_helper_cannot_stop_a_cpu_from_coming_on(
    script, caplog
) -> None:
    script('exit 5').added(1, [0, 1], soon())
    assert 'ended with 5 for --cpu_add' in caplog.text
    slow = script('exec sleep 600')
    slow.added(1, [0, 1], runner.Limit(time.monotonic()))
    assert 'cpu 1 is online all the same' in caplog.text


def test_the_helper_is_not_shielded_from_signals(script) -> None:
    made = script('kill -%d $$' % signal.SIGPIPE, 'exit 7')
    assert made.pick(soon()) is None
