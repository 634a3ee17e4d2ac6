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
"""RabbitMQ, from the system packages, for this lab alone."""

import pathlib

from tests.lab import layout
from tests.lab import readiness
from tests.lab import settings
from tests.lab import supervisor

PROGRAM = pathlib.Path('/usr/lib/rabbitmq/bin/rabbitmq-server')

USER = 'lab'


def service(
    paths: layout.Layout, chosen: settings.Settings
) -> supervisor.Service:
    """The broker with its own epmd, both on loopback."""
    folder = paths.state / 'rabbitmq'
    folder.mkdir(exist_ok=True)
    configuration = folder / 'rabbitmq.conf'
    configuration.write_text(
        f'default_user = {USER}\n'
        f'default_pass = {chosen.password}\n'
        f'listeners.tcp.1 = {settings.HOST}:{chosen.ports["rabbitmq"]}\n'
        'vm_memory_high_watermark.relative = 0.2\n'
        'disk_free_limit.absolute = 50MB\n'
    )
    (folder / 'plugins').write_text('[].\n')
    env = {
        'ERL_EPMD_ADDRESS': settings.HOST,
        'ERL_EPMD_PORT': chosen.ports['epmd'],
        'RABBITMQ_CONFIG_FILE': configuration,
        'RABBITMQ_DIST_PORT': chosen.ports['dist'],
        'RABBITMQ_ENABLED_PLUGINS_FILE': folder / 'plugins',
        'RABBITMQ_LOG_BASE': folder / 'log',
        'RABBITMQ_LOGS': '-',
        'RABBITMQ_MNESIA_BASE': folder / 'data',
        'RABBITMQ_NODENAME': 'lab@localhost',
        'RABBITMQ_CONF_ENV_FILE': folder / 'none',
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': (
            '-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none'
        ),
    }
    return supervisor.Service(
        name='rabbitmq',
        arguments=(PROGRAM,),
        ready=readiness.tcp(settings.HOST, chosen.ports['rabbitmq']),
        timeout=90,
        env=tuple((name, str(value)) for name, value in env.items()),
    )


def transport_url(chosen: settings.Settings) -> str:
    """What oslo.messaging connects to."""
    return (
        f'rabbit://{USER}:{chosen.password}@{settings.HOST}:'
        f'{chosen.ports["rabbitmq"]}/'
    )
