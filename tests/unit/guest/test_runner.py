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
import threading
import time

import pytest

from nova_ext.guest import runner
from tests.unit import polling


@pytest.fixture
def script(tmp_path: pathlib.Path):
    """Return a function that makes a command of the lines of a script."""

    def make(*lines: str, first: str = '#!/bin/sh') -> list[str]:
        path = tmp_path / 'script'
        path.write_text('\n'.join((first, *lines, '')))
        path.chmod(0o755)
        return [str(path)]

    return make


def within(seconds: float) -> runner.Limit:
    return runner.Limit(time.monotonic() + seconds)


def test_status_and_output(script) -> None:
    command = script('read -r line', 'echo "<$line>"', 'exit 3')
    assert runner.run(command, within(30), b'given\n') == (3, b'<given>\n')


def test_without_input_there_is_no_output(script, capfd) -> None:
    """It is inherited, for the journal."""
    command = script('read -r line || echo nothing', 'kill -9 $$')
    assert runner.run(command, within(30)) == (-9, b'')
    assert capfd.readouterr().out == 'nothing\n'


def test_the_input_need_not_be_read(script) -> None:
    command = script('exec <&-', 'exit 0')
    for _ in range(20):
        assert runner.run(command, within(30), b'x' * 4000).status == 0


def test_a_service_that_keeps_the_output_open_is_not_waited_for(
    script, tmp_path
) -> None:
    command = script(
        'sleep 600 & echo $! > %s/pid' % tmp_path, 'echo done', 'exit 0'
    )
    try:
        assert runner.run(command, within(30), b'') == (0, b'done\n')
    finally:
        os.kill(int((tmp_path / 'pid').read_text()), 9)


def test_more_output_than_is_read_does_not_end(script) -> None:
    command = script('exec yes')
    with pytest.raises(runner.Timeout):
        runner.run(command, within(0.3), b'')


def test_a_slow_program_is_killed_with_all_it_started(
    script, tmp_path
) -> None:
    command = script('echo $$ > %s/pid' % tmp_path, 'sleep 600 & wait')
    started = time.monotonic()
    with pytest.raises(runner.Timeout, match='was stopped after'):
        runner.run(command, within(0.3))
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


def test_what_becomes_void_is_ended(script, tmp_path) -> None:
    command = script('touch %s/started' % tmp_path, 'exec sleep 600')
    void = threading.Event()
    limit = runner.Limit(time.monotonic() + 60, void.is_set)

    def give_up() -> None:
        polling.until((tmp_path / 'started').exists)
        void.set()
        limit.wake.set()

    thread = threading.Thread(target=give_up)
    thread.start()
    with pytest.raises(runner.Timeout):
        runner.run(command, limit)
    thread.join()


def test_what_was_void_before_is_ended(script) -> None:
    limit = runner.Limit(time.monotonic() + 60, lambda: 'withdrawn')
    limit.wake.set()
    with pytest.raises(runner.Timeout):
        runner.run(script('exec sleep 600'), limit)


def test_what_was_void_has_not_ended_well_even_if_it_was_quick(
    script, monkeypatch
) -> None:
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        """The program has ended before anybody looks."""
        real(thread)
        thread.join(10)

    monkeypatch.setattr(threading.Thread, 'start', start)
    limit = runner.Limit(time.monotonic() + 60, lambda: 'withdrawn')
    with pytest.raises(runner.Timeout):
        runner.run(script('exit 0'), limit)


def test_the_end_of_one_program_does_not_end_the_next(script) -> None:
    limit = within(30)
    for _ in range(3):
        assert runner.run(script('sleep 0.05; exit 4'), limit).status == 4


def test_a_script_without_interpreter_line_runs(script) -> None:
    assert runner.run(script('exit 3', first=''), within(30)).status == 3


def test_what_cannot_be_started_is_an_error(script, tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        runner.run([str(tmp_path / 'missing')], within(1))
    with pytest.raises(FileNotFoundError):
        runner.run(script('', first='#!/nonexistent'), within(1))
