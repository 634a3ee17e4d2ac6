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
"""Show a person what takes long, and that it still moves."""

import collections.abc
import contextlib
import pathlib
import sys
import threading
import time

#: Seconds between two signs of life of one step.
HEARTBEAT = 15.0

_write_lock = threading.Lock()


def say(text: str = '') -> None:
    """Print one line at once, also when several threads print."""
    with _write_lock:
        sys.stdout.write(text + '\n')
        sys.stdout.flush()


@contextlib.contextmanager
def step(
    title: str, log: pathlib.Path | None = None
) -> collections.abc.Iterator[None]:
    """Announce a step, give signs of life, and say how long it took.

    :param title: what is done, for example ``Install system packages``.
    :param log: a file whose last line tells how far the step is.
    """
    say(f'* {title} ...')
    began = time.monotonic()
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(done, began, log), daemon=True)
    beat.start()
    try:
        yield
    except BaseException:
        say(f'  failed after {time.monotonic() - began:.0f} s: {title}')
        raise
    else:
        say(f'  done in {time.monotonic() - began:.1f} s')
    finally:
        done.set()
        beat.join()


def _beat(
    done: threading.Event, began: float, log: pathlib.Path | None
) -> None:
    while not done.wait(HEARTBEAT):
        passed = time.monotonic() - began
        say(f'  still at work after {passed:.0f} s {last_line(log)}'.rstrip())


def last_line(log: pathlib.Path | None) -> str:
    """The last line of a log file, cut to fit a terminal, or ``''``."""
    lines = tail(log, 1) if log is not None else []
    return f'({lines[0].strip()[:100]})' if lines else ''


def tail(log: pathlib.Path, lines: int) -> list[str]:
    """The last lines of a log file; none when it cannot be read."""
    try:
        with log.open('rb') as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 400 * lines))
            text = file.read().decode(errors='replace')
    except OSError:
        return []
    return text.splitlines()[-lines:]
