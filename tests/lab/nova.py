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
"""nova: API, conductor, scheduler and one compute host."""

import pathlib
import shutil
import socket

from tests.lab import ini
from tests.lab import keystone
from tests.lab import layout
from tests.lab import libvirt
from tests.lab import mariadb
from tests.lab import namespace
from tests.lab import rabbitmq
from tests.lab import readiness
from tests.lab import settings
from tests.lab import supervisor
from tests.lab import wsgi_service

FILTERS = (
    'ComputeFilter',
    'ComputeCapabilitiesFilter',
    'ImagePropertiesFilter',
    'NUMATopologyFilter',
    'ServerGroupAffinityFilter',
)

#: The pipelines that operators get from us.
PASTE = layout.CHECKOUT / 'etc' / 'nova-ext' / 'api-paste.ini'

#: Where nova-ext-channel serves this host; the default of its option.
CHANNEL_SOCKET = pathlib.Path('/run/nova-ext/channel.sock')


def configure(
    paths: layout.Layout,
    chosen: settings.Settings,
    more: ini.Sections,
    host: str = namespace.HOST_NAME,
) -> None:
    """Write nova.conf and api-paste.ini.

    :param more: further sections of nova.conf.
    :param host: the compute host that the file is for, among others.
    """
    folder = paths.configuration / 'nova'
    (paths.state / 'nova' / 'locks').mkdir(parents=True)
    instances(paths).mkdir(exist_ok=True)
    sections = {**_sections(paths, chosen, host), **more}
    if host != namespace.HOST_NAME:
        # Nothing but nova-compute reads this one, which needs no database.
        del sections['api_database'], sections['database']
    ini.write(folder / 'nova.conf', sections)
    shutil.copy(PASTE, folder)


def instances(paths: layout.Layout) -> pathlib.Path:
    """Where the servers' disks lie: the same path on every host."""
    return paths.of_host('').state / 'nova' / 'instances'


def _sections(
    paths: layout.Layout, chosen: settings.Settings, host: str
) -> ini.Sections:
    folder = paths.configuration / 'nova'
    data = paths.state / 'nova'
    program = paths.program('nova', 'privsep-helper')
    helper = f'{program} --config-file {configuration_file(paths)}'
    log_in = keystone.credentials(chosen)
    return {
        'DEFAULT': {
            'host': host,
            'my_ip': settings.HOST,
            'state_path': data,
            'instances_path': instances(paths),
            'transport_url': rabbitmq.transport_url(chosen),
            'compute_driver': 'nova_ext.LibvirtDriver',
            'allow_resize_to_same_host': True,
            'reserved_host_memory_mb': 0,
            # Our guests do not hear the power button.
            'shutdown_timeout': 5,
            # Audits find guests that run parked vCPUs; the default is 60 s.
            'update_resources_interval': 15,
        },
        'api_database': {'connection': mariadb.url('nova_api')},
        'database': {'connection': mariadb.url('nova')},
        'compute': {'cpu_dedicated_set': ','.join(map(str, chosen.cores))},
        'conductor': {'workers': 1},
        'cinder': {'auth_type': 'none'},
        'filter_scheduler': {'enabled_filters': ','.join(FILTERS)},
        'glance': log_in,
        'keystone': log_in,
        'keystone_authtoken': keystone.token_check(chosen),
        'libvirt': _libvirt(paths, chosen),
        'neutron': log_in,
        'notifications': {
            'notification_format': 'versioned',
            'notify_on_state_change': 'vm_and_task_state',
        },
        # As root, with neither sudo nor rootwrap in between.
        'nova_sys_admin': {'helper_command': helper},
        'nova_ext_privileged': {'helper_command': helper},
        'oslo_concurrency': {'lock_path': data / 'locks'},
        'oslo_messaging_notifications': {'driver': 'messagingv2'},
        'placement': log_in,
        'scheduler': {'workers': 1},
        'service_user': {**log_in, 'send_service_user_token': True},
        'vnc': {'enabled': False},
        # At a live migration's destination Nova takes a kernel with an EFI
        # stub for a disk, and refuses it.
        'workarounds': {'disable_deep_image_inspection': True},
        'wsgi': {'api_paste_config': folder / 'api-paste.ini'},
    }


def _libvirt(
    paths: layout.Layout, chosen: settings.Settings
) -> dict[str, object]:
    emulated = {'cpu_mode': 'none'} if chosen.virt_type == 'qemu' else {}
    return {
        'virt_type': chosen.virt_type,
        'live_migration_uri': libvirt.migration_uri(paths),
        **emulated,
    }


def api(paths: layout.Layout, chosen: settings.Settings) -> supervisor.Service:
    """The compute API."""
    return wsgi_service.service(
        paths,
        chosen,
        name='nova-api',
        environment='nova',
        module='nova.wsgi.osapi_compute',
        port_name='compute',
        env={'OS_NOVA_CONFIG_DIR': paths.configuration / 'nova'},
    )


def daemon(
    paths: layout.Layout, name: str, ready: supervisor.Probe
) -> supervisor.Service:
    """One of nova's programs that serve the message bus."""
    return supervisor.Service(
        name=name,
        arguments=(
            paths.program('nova', name),
            '--config-file',
            configuration_file(paths),
        ),
        ready=ready,
        timeout=120,
    )


def channel(paths: layout.Layout) -> supervisor.Service:
    """The daemon that owns the guests' sockets, beside nova-compute."""
    (paths.run / CHANNEL_SOCKET.parent.name).mkdir(exist_ok=True)
    path = paths.run / CHANNEL_SOCKET.relative_to('/run')
    return supervisor.Service(
        name='nova-ext-channel',
        arguments=(
            paths.program('nova', 'nova-ext-channel'),
            '--config-file',
            configuration_file(paths),
        ),
        ready=readiness.unix(path, socket.SOCK_SEQPACKET),
        timeout=30,
    )


def discovery(paths: layout.Layout) -> supervisor.Service:
    """What makes a new compute host known to the scheduler."""
    manage = paths.program('nova', 'nova-manage')
    file = configuration_file(paths)
    return supervisor.Service(
        name='discover-hosts',
        arguments=(
            *(manage, '--config-file', file, 'cell_v2', 'discover_hosts'),
            '--by-service',
        ),
        timeout=60,
    )


def fill_commands(paths: layout.Layout) -> list[supervisor.Service]:
    """What makes the tables and maps the two cells."""
    manage = paths.program('nova', 'nova-manage')
    common = (manage, '--config-file', configuration_file(paths))
    # Read from nova.conf at each start, because ports differ.
    transport = '{scheme}://{username}:{password}@{hostname}:{port}/{path}'
    steps: dict[str, tuple[str, ...]] = {
        'nova-api-db': ('api_db', 'sync'),
        'nova-cell0': (
            *('cell_v2', 'map_cell0', '--database_connection'),
            mariadb.url('nova_cell0'),
        ),
        'nova-cell1': (
            *('cell_v2', 'create_cell', '--name', 'cell1'),
            *('--database_connection', mariadb.url('nova')),
            *('--transport-url', transport),
        ),
        'nova-db': ('db', 'sync'),
    }
    return [
        supervisor.Service(name, (*common, *arguments), timeout=240)
        for name, arguments in steps.items()
    ]


def configuration_file(paths: layout.Layout) -> pathlib.Path:
    """Where nova.conf lies."""
    return paths.configuration / 'nova' / 'nova.conf'
