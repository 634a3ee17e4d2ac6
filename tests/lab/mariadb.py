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
"""MariaDB, from the system packages, reached by a unix socket alone."""

import pathlib

from tests.lab import commands
from tests.lab import layout
from tests.lab import readiness
from tests.lab import supervisor

#: As the lab's own processes see it.
SOCKET = pathlib.Path('/run/mariadb.sock')

OPTIONS = (
    '--user=root',
    '--skip-networking',
    '--skip-log-bin',
    '--performance-schema=off',
    '--max-connections=400',
    '--innodb-buffer-pool-size=96M',
    '--innodb-log-file-size=24M',
    # The data lives no longer than the lab: do not wait for the disk.
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-doublewrite=0',
    '--innodb-flush-method=nosync',
)


def data_folder(paths: layout.Layout) -> pathlib.Path:
    """Where the databases lie."""
    return paths.state / 'mariadb'


def initialize(paths: layout.Layout, log: pathlib.Path) -> None:
    """Make an empty data folder; root comes in by the unix socket."""
    commands.run(
        [
            *('mariadb-install-db', '--no-defaults', '--user=root'),
            *('--auth-root-authentication-method=socket', '--skip-test-db'),
            '--innodb-log-file-size=24M',
            f'--datadir={data_folder(paths)}',
        ],
        log,
        120,
    )


def service(paths: layout.Layout) -> supervisor.Service:
    """The server on the lab's data folder."""
    return supervisor.Service(
        name='mariadb',
        arguments=(
            *('/usr/sbin/mariadbd', '--no-defaults', *OPTIONS),
            f'--datadir={data_folder(paths)}',
            f'--socket={SOCKET}',
            '--pid-file=/run/mariadb.pid',
        ),
        ready=readiness.unix(socket_outside(paths)),
        timeout=60,
    )


def socket_outside(paths: layout.Layout) -> pathlib.Path:
    """The socket as processes outside the lab see it."""
    return paths.run / SOCKET.name


def url(database: str) -> str:
    """What SQLAlchemy connects to."""
    return f'mysql+pymysql://root@localhost/{database}?unix_socket={SOCKET}'


def query(paths: layout.Layout, database: str, statement: str) -> list[str]:
    """The lines that a statement gives, columns separated by tabs.

    :raises errors.LabError: for a statement that fails.
    """
    text = commands.output(
        [
            *('mariadb', '--no-defaults', '--batch', '--raw'),
            *('--skip-column-names', '--user=root'),
            f'--socket={socket_outside(paths)}',
            f'--execute={statement}',
            database,
        ]
    )
    return text.splitlines()
