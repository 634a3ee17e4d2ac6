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
"""placement."""

from tests.lab import ini
from tests.lab import keystone
from tests.lab import layout
from tests.lab import mariadb
from tests.lab import settings
from tests.lab import supervisor
from tests.lab import wsgi_service


def configure(paths: layout.Layout, chosen: settings.Settings) -> None:
    """Write placement.conf."""
    ini.write(
        paths.configuration / 'placement' / 'placement.conf',
        {
            'DEFAULT': {'log_file': ''},
            'api': {'auth_strategy': 'keystone'},
            'keystone_authtoken': keystone.token_check(chosen),
            'placement_database': {'connection': mariadb.url('placement')},
        },
    )


def service(
    paths: layout.Layout, chosen: settings.Settings
) -> supervisor.Service:
    """The placement service."""
    return wsgi_service.service(
        paths,
        chosen,
        name='placement',
        environment='nova',
        module='placement.wsgi.api',
        port_name='placement',
        env={'OS_PLACEMENT_CONFIG_DIR': paths.configuration / 'placement'},
    )


def fill_commands(paths: layout.Layout) -> list[supervisor.Service]:
    """What makes the tables."""
    manage = paths.program('nova', 'placement-manage')
    file = paths.configuration / 'placement' / 'placement.conf'
    arguments = (manage, '--config-file', file, 'db', 'sync')
    return [supervisor.Service('placement-db', arguments, timeout=120)]
