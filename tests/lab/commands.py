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
"""Run other programs, always with a time limit and a log."""

import collections.abc
import os
import pathlib
import subprocess
import time

from tests.lab import errors
from tests.lab import progress

Arguments = collections.abc.Sequence[str | os.PathLike[str]]


def run(
    arguments: Arguments,
    log: pathlib.Path,
    timeout: float,
    attempts: int = 1,
    env: dict[str, str] | None = None,
    cwd: pathlib.Path | None = None,
) -> None:
    """Run a program to its end with all output appended to a log file.

    :param timeout: seconds for one attempt.
    :param attempts: how often to try; downloads deserve three.
    :raises errors.LabError: when the last attempt failed, with the log's end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, attempts + 1):
        problem = _attempt(arguments, log, timeout, env, cwd)
        if problem is None:
            return
        if attempt < attempts:
            progress.say(f'  {problem}; trying again')
            time.sleep(3 * attempt)
    end = '\n    '.join(progress.tail(log, 25))
    raise errors.LabError(f'{problem}. The end of {log}:\n    {end}')


def _attempt(
    arguments: Arguments,
    log: pathlib.Path,
    timeout: float,
    env: dict[str, str] | None,
    cwd: pathlib.Path | None,
) -> str | None:
    name = os.path.basename(arguments[0])
    with log.open('ab') as file:
        file.write(f'$ {" ".join(map(str, arguments))}\n'.encode())
        file.flush()
        try:
            subprocess.run(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                env=env,
                cwd=cwd,
                check=True,
            )
        except subprocess.TimeoutExpired:
            return f'{name} did not end within {timeout:.0f} s'
        except subprocess.CalledProcessError as error:
            return f'{name} ended with status {error.returncode}'
        except OSError as error:
            return f'{name} cannot be run: {error}'
    return None


def output(
    arguments: Arguments,
    timeout: float = 20,
    env: dict[str, str] | None = None,
    cwd: pathlib.Path | None = None,
) -> str:
    """The standard output of a program that must succeed.

    :raises errors.LabError: with what it wrote to standard error.
    """
    try:
        done = subprocess.run(
            list(arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=env,
            cwd=cwd,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.LabError(f'{arguments[0]}: {error}') from error
    if done.returncode:
        raise errors.LabError(
            f'{" ".join(map(str, arguments))} ended with status '
            f'{done.returncode}: {done.stderr.strip()[-2000:]}'
        )
    return done.stdout
