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
"""Install the system packages that bindep.txt names."""

import collections.abc
import contextlib
import os
import pathlib
import subprocess

from tests.lab import commands
from tests.lab import errors
from tests.lab import layout
from tests.lab import progress

#: Debian asks this program whether an installed service may start.
POLICY = pathlib.Path('/usr/sbin/policy-rc.d')
POLICY_TEXT = (
    '#!/bin/sh\n# nova-ext lab: install, but start nothing.\nexit 101\n'
)


def wanted() -> list[str]:
    """The package names of bindep.txt."""
    text = (layout.CHECKOUT / 'bindep.txt').read_text()
    lines = (line.split('#')[0].split() for line in text.splitlines())
    return [words[0] for words in lines if words]


def missing(names: collections.abc.Sequence[str]) -> list[str]:
    """Those of the packages that are not installed."""
    done = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Package} ${db:Status-Abbrev}\n', *names],
        capture_output=True,
        text=True,
        timeout=60,
    )
    pairs = (line.split() for line in done.stdout.splitlines())
    found = {pair[0] for pair in pairs if pair[1:] == ['ii']}
    return [name for name in names if name not in found]


def install(paths: layout.Layout) -> None:
    """Install what is missing, and let none of it start a service.

    :raises errors.LabError: without root, without apt, or when apt fails.
    """
    absent = missing(wanted())
    if not absent:
        return
    if os.geteuid() != 0:
        raise errors.LabError(
            f'The lab needs the packages {" ".join(absent)} and root '
            f'to install them: run ./lab as root.'
        )
    log = paths.build_logs / 'apt.log'
    env = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    title = f'Install {len(absent)} system packages'
    with progress.step(title, log), _no_service_starts():
        commands.run(['apt-get', 'update'], log, 300, attempts=3, env=env)
        commands.run(
            ['apt-get', 'install', '-y', '--no-install-recommends', *absent],
            log,
            900,
            attempts=3,
            env=env,
        )


@contextlib.contextmanager
def _no_service_starts() -> collections.abc.Iterator[None]:
    """Deny service starts, unless the machine has a policy of its own."""
    ours = POLICY_TEXT.encode()
    if not POLICY.exists():
        POLICY.write_bytes(ours)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if POLICY.exists() and POLICY.read_bytes() == ours:
            POLICY.unlink()
