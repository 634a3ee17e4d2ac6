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
"""Filled databases, made once and copied at each start.

Making every table takes most of a minute; copying takes a second.
"""

import pathlib
import secrets
import shutil

from tests.lab import commands
from tests.lab import environments
from tests.lab import glance
from tests.lab import keystone
from tests.lab import layout
from tests.lab import mariadb
from tests.lab import nova
from tests.lab import placement
from tests.lab import progress
from tests.lab import stamps
from tests.lab import supervisor

NAMES = ('keystone', 'placement', 'glance', 'nova_api', 'nova', 'nova_cell0')


def password(paths: layout.Layout) -> str:
    """The administrator's password in the filled databases, or a new one."""
    if _complete(paths):
        return (paths.databases / 'password').read_text()
    return secrets.token_hex(8)


def provide(
    paths: layout.Layout, control: supervisor.Supervisor, password: str
) -> None:
    """Start MariaDB on a fresh copy of the filled databases.

    The services' configuration files must have been written.

    :param password: what :func:`password` gave.
    :raises errors.LabError: when a table cannot be made, with the log.
    """
    data = mariadb.data_folder(paths)
    log = paths.build_logs / 'databases.log'
    if not _complete(paths):
        with progress.step('Fill the databases'):
            mariadb.initialize(paths, log)
            control.start(mariadb.service(paths))
            _fill(paths, control, password)
            control.stop('mariadb')
            shutil.rmtree(paths.databases, ignore_errors=True)
            paths.databases.mkdir(mode=0o700)
            (paths.databases / 'password').write_text(password)
            _copy(data, paths.databases / 'data', log)
        stamps.write(paths.databases / 'complete', _digest())
    else:
        _copy(paths.databases / 'data', data, log)
    control.start(mariadb.service(paths))


def _fill(
    paths: layout.Layout, control: supervisor.Supervisor, password: str
) -> None:
    for name in NAMES:
        mariadb.query(
            paths, 'mysql', f'CREATE DATABASE {name} CHARACTER SET utf8mb3'
        )
    chains = (
        nova.fill_commands(paths),
        [
            *keystone.fill_commands(paths, password),
            *placement.fill_commands(paths),
            *glance.fill_commands(paths),
        ],
    )
    # Two at a time, one for each core.
    while any(chains):
        control.start(*(chain.pop(0) for chain in chains if chain))


def _copy(
    source: pathlib.Path, target: pathlib.Path, log: pathlib.Path
) -> None:
    """Copy a data folder of a stopped server."""
    commands.run(['cp', '-a', '--sparse=always', source, target], log, 120)


def _complete(paths: layout.Layout) -> bool:
    return stamps.holds(paths.databases / 'complete', _digest())


def _digest() -> str:
    return stamps.digest(
        [
            environments.KEYSTONE.digest(),
            environments.NOVA.digest(),
            *(
                pathlib.Path(str(module.__file__)).read_bytes()
                for module in (mariadb, keystone, nova, placement, glance)
            ),
        ]
    )
