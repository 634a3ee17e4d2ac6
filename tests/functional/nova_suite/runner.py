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
"""Run one set of Nova's tests in several processes, and sum up."""

from dataclasses import dataclass
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

from tests.functional import vectors

ROOT = pathlib.Path(__file__).resolve().parents[3]
ENVIRONMENT = {
    'LANGUAGE': 'en_US',
    'LC_ALL': 'C.UTF-8',
    'OS_STDOUT_CAPTURE': '1',
    'OS_STDERR_CAPTURE': '1',
    # For machines that are slow or busy.
    'OS_TEST_TIMEOUT': '400',
    'PYTHONDONTWRITEBYTECODE': '1',
    'PYTHONPATH': str(ROOT),
}


@dataclass(frozen=True)
class Outcome:
    """How a set went.

    :ivar failed: the names and reasons of the tests that failed.
    :ivar ours: how many tests made an object of our classes.
    :ivar broken: what the processes said that did not come to their end.
    """

    total: int
    skipped: int
    failed: dict[str, str]
    ours: int
    broken: list[str]
    seconds: float

    def __str__(self) -> str:
        head = '%d tests, %d skipped, %d failed; %d with our classes; %d s' % (
            self.total,
            self.skipped,
            len(self.failed),
            self.ours,
            self.seconds,
        )
        reasons = [
            '%s: %s' % (name, reason.strip().splitlines()[-1:])
            for name, reason in sorted(self.failed.items())
        ]
        return '\n'.join([head, *reasons, *self.broken])


def run(
    name: str,
    folder: pathlib.Path,
    workers: int,
    mocks: str = 'redirect',
    pattern: str = '',
    timeout: float = 1200,
) -> Outcome:
    """Run one set of ``tests/vectors/functional_nova.yaml``.

    :param folder: for results and logs; an empty one.
    :param mocks: ``redirect``, ``through`` or, for Nova's own classes,
        ``plain``; see :mod:`.substitution`.
    :param pattern: run only tests whose names contain it.
    :param timeout: seconds until the processes are ended.
    """
    began = time.monotonic()
    (chosen,) = (
        one
        for one in vectors.load('functional_nova', 'sets')
        if one['name'] == name
    )
    processes = [
        _start(folder, number, workers, mocks, pattern, chosen['modules'])
        for number in range(workers)
    ]
    broken = []
    try:
        for number, process in enumerate(processes):
            left = began + timeout - time.monotonic()
            if not _ends_well(process, max(left, 0)):
                log = (folder / ('log%d' % number)).read_text('utf-8')
                broken.append(log[-3000:])
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return _sum_up(folder, broken, time.monotonic() - began)


def _start(
    folder: pathlib.Path,
    number: int,
    workers: int,
    mocks: str,
    pattern: str,
    modules: list[str],
) -> subprocess.Popen[bytes]:
    with open(folder / ('log%d' % number), 'wb') as log:
        return subprocess.Popen(
            [
                sys.executable,
                '-m',
                'tests.functional.nova_suite.worker',
                str(number),
                str(workers),
                str(folder / ('results%d' % number)),
                mocks,
                pattern,
                *modules,
            ],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _ends_well(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False


def _sum_up(
    folder: pathlib.Path, broken: list[str], seconds: float
) -> Outcome:
    results: list[dict[str, Any]] = [
        json.loads(line)
        for path in folder.glob('results*')
        for line in path.read_text('utf-8').splitlines()
    ]
    return Outcome(
        total=len(results),
        skipped=sum(one['status'] == 'skip' for one in results),
        failed={
            one['id']: one['reason']
            for one in results
            if one['status'] in ('fail', 'error')
        },
        ours=sum(one['ours'] > 0 for one in results),
        broken=broken,
        seconds=seconds,
    )
