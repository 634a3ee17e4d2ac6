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
"""keystone: its configuration, its first content, and how others log in."""

import base64
import os

from tests.lab import ini
from tests.lab import layout
from tests.lab import mariadb
from tests.lab import settings
from tests.lab import supervisor
from tests.lab import wsgi_service

#: Services log in as this user; the admin of the lab is it, too.
ADMIN = 'admin'


def configure(paths: layout.Layout) -> None:
    """Write keystone.conf, and fresh keys for tokens and credentials."""
    folder = paths.configuration / 'keystone'
    ini.write(
        folder / 'keystone.conf',
        {
            'database': {'connection': mariadb.url('keystone')},
            'fernet_tokens': {'key_repository': folder / 'fernet'},
            'fernet_receipts': {'key_repository': folder / 'fernet'},
            'credential': {'key_repository': folder / 'credential'},
            # Quick, and good enough for a password of one run.
            'identity': {'password_hash_rounds': 4},
            'cache': {'enabled': True, 'backend': 'dogpile.cache.memory'},
        },
    )
    for keys in ('fernet', 'credential'):
        (folder / keys).mkdir(mode=0o700)
        for number in ('0', '1'):
            key = base64.urlsafe_b64encode(os.urandom(32))
            (folder / keys / number).write_bytes(key)


def service(
    paths: layout.Layout, chosen: settings.Settings
) -> supervisor.Service:
    """The identity service."""
    file = paths.configuration / 'keystone' / 'keystone.conf'
    return wsgi_service.service(
        paths,
        chosen,
        name='keystone',
        environment='keystone',
        module='keystone.wsgi.api',
        port_name='identity',
        env={'OS_KEYSTONE_CONFIG_FILES': file},
        path='/v3',
    )


def fill_commands(
    paths: layout.Layout, password: str
) -> list[supervisor.Service]:
    """What makes the tables and the administrator."""
    manage = paths.program('keystone', 'keystone-manage')
    file = paths.configuration / 'keystone' / 'keystone.conf'
    common = (manage, '--config-file', file)
    return [
        supervisor.Service('keystone-db', (*common, 'db_sync'), timeout=180),
        supervisor.Service(
            'keystone-bootstrap',
            (
                *(*common, 'bootstrap', '--bootstrap-password', password),
                *('--bootstrap-region-id', settings.REGION),
            ),
            timeout=120,
        ),
    ]


def credentials(
    chosen: settings.Settings, project: str = 'service'
) -> dict[str, str]:
    """The options by which a service logs in."""
    return {
        'auth_type': 'password',
        'auth_url': chosen.url('identity', '/v3'),
        'username': ADMIN,
        'password': chosen.password,
        'user_domain_id': 'default',
        'project_name': project,
        'project_domain_id': 'default',
        'region_name': settings.REGION,
    }


def token_check(chosen: settings.Settings) -> dict[str, str]:
    """The options by which a service checks its callers' tokens."""
    return {
        **credentials(chosen),
        'interface': 'public',
        'www_authenticate_uri': chosen.url('identity', '/v3'),
        'service_token_roles': 'admin',
        'service_token_roles_required': 'true',
    }
