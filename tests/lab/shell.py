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
"""Let a person look at the lab and play with it."""

import json
import os
import subprocess

from tests.lab import keystone
from tests.lab import libvirt
from tests.lab import openstack
from tests.lab import provision
from tests.lab import settings

CLOUD = 'demo'
ADMIN_CLOUD = 'admin'


def environment(lab: openstack.Lab) -> dict[str, str]:
    """An environment in which ``openstack`` and ``virsh`` find the lab."""
    file = lab.paths.state / 'clouds.yaml'
    chosen = lab.running_settings()
    clouds = {
        CLOUD: _cloud(chosen, provision.USER, provision.PROJECT),
        ADMIN_CLOUD: _cloud(chosen, keystone.ADMIN, 'admin'),
    }
    # YAML is a superset of JSON.
    file.write_text(json.dumps({'clouds': clouds}, indent=2))
    file.chmod(0o600)
    programs = lab.paths.program('nova', 'openstack').parent
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    return {
        **kept,
        'LIBVIRT_DEFAULT_URI': libvirt.uri(lab.paths),
        'OS_CLIENT_CONFIG_FILE': str(file),
        'OS_CLOUD': CLOUD,
        'OS_COMPUTE_API_VERSION': '2.90',
        'PATH': f'{programs}:{os.environ.get("PATH", "")}',
    }


def _cloud(
    chosen: settings.Settings, user: str, project: str
) -> dict[str, object]:
    return {
        'auth': {
            'auth_url': chosen.url('identity', '/v3'),
            'username': user,
            'password': chosen.password,
            'project_name': project,
            'user_domain_id': 'default',
            'project_domain_id': 'default',
        },
        'region_name': settings.REGION,
        'interface': 'public',
    }


def run(lab: openstack.Lab, words: list[str]) -> int:
    """Run one command, or a shell when there are no words."""
    command = words or [os.environ.get('SHELL', '/bin/bash')]
    env = environment(lab)
    if not words:
        print(
            f'openstack acts as user {provision.USER}; with --os-cloud '
            f'{ADMIN_CLOUD} as administrator. virsh shows the guests.\n'
            f'Logs: {lab.paths.logs}. Leave with exit.'
        )
    return subprocess.run(command, env=env).returncode


def status(lab: openstack.Lab) -> list[str]:
    """What runs, for people."""
    if not lab.control.running():
        return ['The lab is down.']
    lines = [f'Logs: {lab.paths.logs}', '']
    for name, found in sorted(lab.control.services().items()):
        status = found['status']
        # What filled the databases ran to its end, as it should.
        if status != 0:
            state = 'running' if status is None else f'ended ({status})'
            lines.append(f'{name:<18} {found["pid"]:>8}  {state}')
    return lines
