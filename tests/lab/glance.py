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
"""glance, with its images in files."""

import shutil

from tests.lab import ini
from tests.lab import keystone
from tests.lab import layout
from tests.lab import mariadb
from tests.lab import settings
from tests.lab import supervisor
from tests.lab import wsgi_service


def configure(paths: layout.Layout, chosen: settings.Settings) -> None:
    """Write glance-api.conf, and copy glance's own paste configuration."""
    folder = paths.configuration / 'glance'
    data = paths.state / 'glance'
    for name in ('images', 'staging', 'tasks'):
        (data / name).mkdir(parents=True)
    ini.write(
        folder / 'glance-api.conf',
        {
            'DEFAULT': {
                'enabled_backends': 'lab:file',
                'worker_self_reference_url': chosen.url('image'),
            },
            'database': {'connection': mariadb.url('glance')},
            'glance_store': {'default_backend': 'lab'},
            'lab': {'filesystem_store_datadir': data / 'images'},
            'os_glance_staging_store': {
                'filesystem_store_datadir': data / 'staging'
            },
            'os_glance_tasks_store': {
                'filesystem_store_datadir': data / 'tasks'
            },
            'keystone_authtoken': keystone.token_check(chosen),
            'paste_deploy': {'flavor': 'keystone'},
        },
    )
    shipped = paths.environments / 'nova' / 'etc' / 'glance'
    shutil.copy(shipped / 'glance-api-paste.ini', folder)


def service(
    paths: layout.Layout, chosen: settings.Settings
) -> supervisor.Service:
    """The image service."""
    return wsgi_service.service(
        paths,
        chosen,
        name='glance',
        environment='nova',
        module='glance.wsgi.api',
        port_name='image',
        env={'OS_GLANCE_CONFIG_DIR': paths.configuration / 'glance'},
        path='/healthcheck',
    )


def fill_commands(paths: layout.Layout) -> list[supervisor.Service]:
    """What makes the tables."""
    manage = paths.program('nova', 'glance-manage')
    file = paths.configuration / 'glance' / 'glance-api.conf'
    arguments = (manage, '--config-file', file, 'db_sync')
    return [supervisor.Service('glance-db', arguments, timeout=120)]
