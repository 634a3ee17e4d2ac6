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
"""Run the three test rings and say clearly how they went."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import time

from tests.lab import layout
from tests.lab import openstack
from tests.lab import progress

NAMES = ('unit', 'functional', 'lab')


@dataclasses.dataclass(frozen=True)
class Check:
    """One program that passes by ending with status 0.

    :param timeout: seconds after which it is ended and has failed.
    """

    ring: str
    title: str
    arguments: tuple[str, ...]
    timeout: float


CHECKS = (
    Check('unit', 'lint', ('ruff', 'check', '.'), 60),
    Check('unit', 'format', ('ruff', 'format', '--check', '.'), 60),
    Check('unit', 'types', ('mypy',), 180),
    Check('unit', 'tests', ('pytest', '--timeout=60', 'tests/unit'), 300),
    Check(
        'functional',
        'tests',
        ('pytest', '-n2', '--dist=worksteal', 'tests/functional'),
        1900,
    ),
    Check('lab', 'tests', ('pytest', 'tests/lab'), 1700),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one check went: ``problem`` is empty when it passed."""

    check: Check
    problem: str
    seconds: float


def run(lab: openstack.Lab, ring: str | None) -> int:
    """Run one ring, or all, each to its end; 0 when all passed."""
    lab.build(guest=ring in (None, 'lab'))
    outcomes = []
    for check in CHECKS:
        if ring in (None, check.ring):
            progress.say(f'\n=== {check.ring}: {check.title}')
            with _alone(lab, check.ring):
                outcomes.append(_run_check(lab, check))
    progress.say('\n' + summary(outcomes))
    return int(any(outcome.problem for outcome in outcomes))


def _alone(
    lab: openstack.Lab, ring: str
) -> contextlib.AbstractContextManager[None]:
    """Keep others out of the running lab, where a ring uses it."""
    if ring == 'lab':
        return lab.paths.locked('lab')
    return contextlib.nullcontext()


def _run_check(lab: openstack.Lab, check: Check) -> Outcome:
    began = time.monotonic()
    python = lab.paths.python('nova')
    command = [str(python), '-m', *check.arguments]
    problem = ''
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        cwd=layout.CHECKOUT,
        env=_environment(python),
    )
    try:
        status = process.wait(check.timeout)
        if status:
            problem = f'status {status}'
    except subprocess.TimeoutExpired:
        problem = f'not done after {check.timeout:.0f} s'
    finally:
        _end(process)
    return Outcome(check, problem, time.monotonic() - began)


def _environment(python: pathlib.Path) -> dict[str, str]:
    path = f'{python.parent}:{os.environ.get("PATH", "")}'
    return {**os.environ, 'PATH': path, 'PYTHONDONTWRITEBYTECODE': '1'}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a check that did not end by itself; it may clean up first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def summary(outcomes: list[Outcome]) -> str:
    """One line a check, and a last one that says it all."""
    lines = ['=== Summary']
    for outcome in outcomes:
        verdict = f'FAILED ({outcome.problem})' if outcome.problem else 'ok'
        name = f'{outcome.check.ring}: {outcome.check.title}'
        lines.append(f'{name:<20} {outcome.seconds:>7.1f} s  {verdict}')
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    total = sum(outcome.seconds for outcome in outcomes)
    what = f'{failed} of {len(outcomes)} FAILED' if failed else 'All passed'
    lines.append(f'{what} in {total:.0f} s.')
    return '\n'.join(lines)
