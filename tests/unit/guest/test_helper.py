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
import threading
import time

import pytest

from nova_ext.guest import helper
from tests.unit import polling


@pytest.fixture
def script(tmp_path: pathlib.Path):
    """Return a function that makes a helper of the lines of a script."""

    def make(*lines: str, first: str = '#!/bin/sh') -> helper.Helper:
        path = tmp_path / 'app_scale_helper'
        path.write_text('\n'.join((first, *lines, '')))
        path.chmod(0o755)
        return helper.Helper(str(path))

    return make


def soon() -> float:
    return time.monotonic() + 30


@pytest.mark.parametrize(
    ('status', 'cpu'),
    [(0, None), (1, 1), (126, 126), (127, None), (128, 128), (255, 255)],
)
def test_the_exit_status_is_the_choice(script, status: int, cpu) -> None:
    made = script('exit %d' % status)
    assert made.pick(soon(), threading.Event()) == cpu


def test_a_helper_that_dies_leaves_the_choice(script) -> None:
    assert script('kill -9 $$').pick(soon(), threading.Event()) is None


def test_no_helper_leaves_the_choice(tmp_path: pathlib.Path) -> None:
    missing = helper.Helper(str(tmp_path / 'missing'))
    assert missing.pick(soon(), threading.Event()) is None
    plain = tmp_path / 'plain'
    plain.write_text('#!/bin/sh\nexit 3\n')
    plain.chmod(0o644)
    if not os.access(plain, os.X_OK):
        assert (
            helper.Helper(str(plain)).pick(soon(), threading.Event()) is None
        )


def test_a_helper_without_interpreter_line_runs(script) -> None:
    made = script('exit 3', first='')
    assert made.pick(soon(), threading.Event()) == 3


def test_a_helper_with_a_missing_interpreter_is_told(script, caplog) -> None:
    made = script('exit 3', first='#!/nonexistent')
    assert made.pick(soon(), threading.Event()) is None
    assert 'Cannot run' in caplog.text


def test_arguments_are_the_captured_ones(script, tmp_path) -> None:
    """The list is one word, also where a file name would match it."""
    made = script('printf "%%s|" "$@" > %s/args' % tmp_path)
    (tmp_path / '1').touch()
    made.added(1, [0, 1, 2, 3], soon(), threading.Event())
    assert (tmp_path / 'args').read_text() == '--cpu_add|1|[0,1,2,3]|'
    assert made.pick(soon(), threading.Event()) is None
    assert (tmp_path / 'args').read_text() == '--cpu_del|'


def test_standard_input_is_empty(script) -> None:
    made = script('read -r line && exit 9', 'exit 4')
    assert made.pick(soon(), threading.Event()) == 4


def test_a_slow_helper_is_killed_with_all_it_started(script, tmp_path) -> None:
    made = script('echo $$ > %s/pid' % tmp_path, 'sleep 600 & wait')
    started = time.monotonic()
    with pytest.raises(helper.HelperTimeout, match='was stopped after'):
        made.pick(started + 0.3, threading.Event())
    assert time.monotonic() - started < 30
    group = int((tmp_path / 'pid').read_text())

    def gone() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        # Orphans stay as zombies where nobody collects them.
        return all_zombies(group)

    polling.until(gone)


def all_zombies(group: int) -> bool:
    states = []
    for entry in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = entry.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            states.append(fields[0])
    return set(states) <= {'Z'}


def test_a_withdrawn_request_ends_the_helper(script, tmp_path) -> None:
    made = script('touch %s/started' % tmp_path, 'exec sleep 600')
    wake = threading.Event()

    def withdraw() -> None:
        polling.until((tmp_path / 'started').exists)
        wake.set()

    thread = threading.Thread(target=withdraw)
    thread.start()
    with pytest.raises(helper.HelperTimeout):
        made.pick(time.monotonic() + 60, wake)
    thread.join()


def test_a_failing_or_slow_helper_cannot_stop_a_cpu_from_coming_on(
    script, caplog
) -> None:
    script('exit 5').added(1, [0, 1], soon(), threading.Event())
    assert 'ended with 5 for --cpu_add' in caplog.text
    slow = script('exec sleep 600')
    slow.added(1, [0, 1], time.monotonic(), threading.Event())
    assert 'cpu 1 is online all the same' in caplog.text


def test_the_helper_is_not_shielded_from_signals(script) -> None:
    made = script('kill -%d $$' % signal.SIGPIPE, 'exit 7')
    assert made.pick(soon(), threading.Event()) is None
