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
"""Put into the running services what a user of the lab finds there."""

import pathlib

from tests.lab import guest_image
from tests.lab import keystone
from tests.lab import rest
from tests.lab import settings

#: The project and the user that the story plays as: a plain member.
PROJECT = 'demo'
USER = 'demo'

#: Someone else, for what must be refused.
OTHER_PROJECT = 'other'
OTHER_USER = 'other'

IMAGE = 'debian'

ENDPOINTS = {
    'compute': ('compute', '/v2.1'),
    'identity': ('identity', '/v3'),
    'image': ('image', ''),
    'network': ('network', ''),
    'placement': ('placement', ''),
}

COMMAND_LINE = 'root=/dev/vda console=ttyS0 quiet net.ifnames=0'


def admin(chosen: settings.Settings, project: str = 'admin') -> rest.Session:
    """A session of the administrator."""
    return rest.Session(
        chosen.url('identity', '/v3'), keystone.ADMIN, chosen.password, project
    )


def member(
    chosen: settings.Settings, user: str = USER, project: str = PROJECT
) -> rest.Session:
    """A session of a plain member of a project."""
    return rest.Session(
        chosen.url('identity', '/v3'), user, chosen.password, project
    )


def identity(chosen: settings.Settings) -> None:
    """Make the catalogue, the projects and the users."""
    session = admin(chosen)
    for kind, (port, path) in ENDPOINTS.items():
        service = session.post(
            'identity', '/services', {'service': {'type': kind, 'name': kind}}
        )['service']
        session.post(
            'identity',
            '/endpoints',
            {
                'endpoint': {
                    'service_id': service['id'],
                    'interface': rest.INTERFACE,
                    'region_id': settings.REGION,
                    'url': chosen.url(port, path),
                }
            },
        )
    roles = {
        role['name']: role['id']
        for role in session.get('identity', '/roles')['roles']
    }
    service_project = _project(session, 'service')
    for role in ('admin', 'service'):
        _assign(session, service_project, session.user_id, roles[role])
    for project, user in ((PROJECT, USER), (OTHER_PROJECT, OTHER_USER)):
        made = session.post(
            'identity',
            '/users',
            {'user': {'name': user, 'password': chosen.password}},
        )['user']
        project_id = _project(session, project)
        _assign(session, project_id, made['id'], roles['member'])


def _project(session: rest.Session, name: str) -> str:
    body = {'project': {'name': name}}
    answer = session.post('identity', '/projects', body)
    return str(answer['project']['id'])


def _assign(session: rest.Session, project: str, user: str, role: str) -> None:
    path = f'/projects/{project}/users/{user}/roles/{role}'
    session.put('identity', path, None)


def images(chosen: settings.Settings, image: guest_image.GuestImage) -> None:
    """Upload kernel, initrd and disk of the guest."""
    session = admin(chosen)
    kernel = _upload(session, image.base.kernel, 'debian-kernel', 'aki')
    initrd = _upload(session, image.base.initrd, 'debian-initrd', 'ari')
    _upload(
        session,
        image.disk,
        IMAGE,
        'bare',
        disk_format='qcow2',
        kernel_id=kernel,
        ramdisk_id=initrd,
        os_command_line=COMMAND_LINE,
        hw_qemu_guest_agent='yes',
    )


def _upload(
    session: rest.Session,
    file: pathlib.Path,
    name: str,
    container: str,
    disk_format: str = '',
    **properties: str,
) -> str:
    image = session.post(
        'image',
        '/v2/images',
        {
            'name': name,
            'visibility': 'public',
            'container_format': container,
            'disk_format': disk_format or container,
            **properties,
        },
    )
    with file.open('rb') as data:
        session.put(
            'image',
            f'/v2/images/{image["id"]}/file',
            data,
            Content_Type='application/octet-stream',
            Content_Length=str(file.stat().st_size),
        )
    return str(image['id'])
