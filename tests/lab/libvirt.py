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
"""libvirtd, with all its folders inside the lab."""

import collections.abc
import pathlib

from nova_ext.wire import addresses
from tests.lab import layout
from tests.lab import memlock
from tests.lab import readiness
from tests.lab import settings
from tests.lab import stand_ins
from tests.lab import supervisor

LIBVIRTD_CONF = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "%s"
log_outputs = "3:stderr"
"""

#: Two libvirts on one machine would take themselves for one.
HOST_UUID = '6e6f7661-2d65-4874-8d6c-61622d686f73'
SECOND_HOST_UUID = '6e6f7661-2d65-4874-8d6c-61622d686f74'

QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
clear_emulator_capabilities = 0
# Consoles go straight to their files, so no virtlogd is needed.
stdio_handler = "file"
"""

#: As processes inside the lab see it; also where QEMU puts guests' sockets.
QEMU_FOLDER = pathlib.Path('/var/lib/libvirt/qemu')

SOCKET = pathlib.Path('/run/libvirt/libvirt-sock')


def binds(
    paths: layout.Layout,
) -> collections.abc.Mapping[pathlib.Path, pathlib.Path]:
    """Which folders of libvirt the lab replaces, and by what."""
    folder = paths.state / 'libvirt'
    found = {
        pathlib.Path('/etc/libvirt'): paths.configuration / 'libvirt',
        pathlib.Path('/var/lib/libvirt'): folder / 'lib',
        pathlib.Path('/var/cache/libvirt'): folder / 'cache',
        pathlib.Path('/var/log/libvirt'): paths.logs / 'libvirt',
    }
    for place, shown in found.items():
        shown.mkdir(parents=True)
        # The packages make these; a purged machine may lack one.
        place.mkdir(parents=True, exist_ok=True)
    return found


def configure(paths: layout.Layout, host_uuid: str = HOST_UUID) -> None:
    """Write libvirtd.conf and qemu.conf."""
    folder = paths.configuration / 'libvirt'
    (folder / 'libvirtd.conf').write_text(LIBVIRTD_CONF % host_uuid)
    (folder / 'qemu.conf').write_text(QEMU_CONF)


def service(
    paths: layout.Layout, chosen: settings.Settings
) -> supervisor.Service:
    """The daemon."""
    env = memlock.environment(paths)
    for name, value in stand_ins.preload(paths, chosen).items():
        env[name] = f'{env[name]}:{value}' if name in env else value
    return supervisor.Service(
        name='libvirtd',
        arguments=('/usr/sbin/libvirtd', '--pid-file', '/run/libvirtd.pid'),
        ready=readiness.unix(socket_outside(paths)),
        timeout=60,
        env=tuple(env.items()),
    )


def socket_outside(paths: layout.Layout) -> pathlib.Path:
    """The daemon's socket as processes outside the lab see it."""
    return paths.run / SOCKET.relative_to('/run')


def channel_socket(paths: layout.Layout, domain: str) -> pathlib.Path:
    """Where a guest's channel ends, as processes outside the lab see it."""
    folder = paths.state / 'libvirt' / 'lib' / QEMU_FOLDER.name
    return folder / addresses.socket_name(domain)


def show(paths: layout.Layout, host: str) -> None:
    """Let the other hosts' libvirts find this one by its host's name."""
    folder = _by_name(paths)
    folder.mkdir(exist_ok=True)
    link = folder / host
    link.unlink(missing_ok=True)
    link.symlink_to(socket_outside(paths).parent)


def migration_uri(paths: layout.Layout) -> str:
    """Where a libvirt finds another: ``%s`` stands for that host's name."""
    return f'qemu+unix:///system?socket={_by_name(paths)}/%s/{SOCKET.name}'


def _by_name(paths: layout.Layout) -> pathlib.Path:
    return paths.of_host('').state / 'libvirts'


def uri(paths: layout.Layout) -> str:
    """What libvirt's clients outside the lab connect to."""
    return f'qemu+unix:///system?socket={socket_outside(paths)}'
