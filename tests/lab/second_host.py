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
"""A second compute host on the same machine, for the tests that need two.

It has folders and a host name of its own; the network and the machine's CPUs
it shares with the first, so both may give the same CPU to different servers.
Disks are copied when a server moves: libvirt knows that its folders are on no
network file system.
"""

import collections.abc
import contextlib
import dataclasses
import json
import pathlib
import signal

from tests.lab import layout
from tests.lab import libvirt
from tests.lab import namespace
from tests.lab import nova
from tests.lab import openstack
from tests.lab import provision
from tests.lab import rest
from tests.lab import supervisor
from tests.lab import wsgi_service

NAME = namespace.SECOND_HOST_NAME

PART = namespace.PARTS[NAME]

INSIDE = wsgi_service.PROGRAMS / 'inside.py'

_SERVICES = '/os-services?binary=nova-compute'
_MICROVERSION = {'OpenStack_API_Version': 'compute 2.53'}


@contextlib.contextmanager
def running(lab: openstack.Lab) -> collections.abc.Iterator[layout.Layout]:
    """Have a second compute host; its paths.

    Afterwards nothing of it is left, in Nova neither.
    """
    paths = lab.paths.of_host(PART)
    services = _services(lab, paths)
    try:
        lab.control.start(services[0])
        for service in services[1:]:
            lab.control.launch(service)
        for service in services[1:]:
            lab.control.await_ready(service)
        lab.control.start(nova.discovery(lab.paths))
        yield paths
    finally:
        known = lab.control.services()
        for service in reversed(services):
            if service.name in known:
                # Nothing of it is needed any more.
                lab.control.stop(service.name, signal.SIGKILL)
        _forget(provision.admin(lab.running_settings()))


def _services(
    lab: openstack.Lab, paths: layout.Layout
) -> tuple[supervisor.Service, ...]:
    binds = _configured(lab, paths)
    return tuple(
        _inside(lab, service, binds)
        for service in (
            libvirt.service(paths, lab.running_settings()),
            nova.channel(paths),
            nova.daemon(paths, 'nova-compute', lambda: lab.compute_up(NAME)),
        )
    )


def _configured(
    lab: openstack.Lab, paths: layout.Layout
) -> collections.abc.Mapping[pathlib.Path, pathlib.Path]:
    paths.empty_state()
    disks = paths.state / 'disks'
    disks.mkdir()
    binds = {
        pathlib.Path('/run'): paths.run,
        nova.instances(paths): disks,
        **libvirt.binds(paths),
    }
    libvirt.configure(paths, libvirt.SECOND_HOST_UUID)
    libvirt.show(paths, NAME)
    nova.configure(paths, lab.running_settings(), {}, NAME)
    return binds


def _inside(
    lab: openstack.Lab,
    service: supervisor.Service,
    binds: collections.abc.Mapping[pathlib.Path, pathlib.Path],
) -> supervisor.Service:
    shown = {str(place): str(folder) for place, folder in binds.items()}
    return dataclasses.replace(
        service,
        name=f'{service.name}-{PART}',
        arguments=(
            *(lab.paths.python('nova'), INSIDE, json.dumps(shown), NAME),
            *service.arguments,
        ),
    )


def _forget(admin: rest.Session) -> None:
    """Take the stopped host out of Nova, placement included."""
    found = admin.get('compute', _SERVICES, **_MICROVERSION)['services']
    for service in found:
        if service['host'] == NAME:
            path = f'/os-services/{service["id"]}'
            admin.delete('compute', path, **_MICROVERSION)
