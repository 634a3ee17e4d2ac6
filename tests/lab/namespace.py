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
"""Give the lab its own view of /run, /etc/libvirt and the host's name.

So the lab's libvirtd, which has its folders built in, never meets a libvirt,
a D-Bus or a systemd of the machine, and every path inside is short.
"""

import collections.abc
import ctypes
import os
import pathlib
import socket

from tests.lab import errors

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
PR_SET_CHILD_SUBREAPER = 36

#: The name of the lab's compute host, and of the one that a few tests add.
HOST_NAME = 'lab-host'
SECOND_HOST_NAME = 'lab-host-2'
#: Their folders below the state of the lab; short, for the paths of sockets.
PARTS = {HOST_NAME: '', SECOND_HOST_NAME: '2'}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [
    ctypes.c_ulong,
    ctypes.c_char_p,
]


def enter(
    binds: collections.abc.Mapping[pathlib.Path, pathlib.Path],
    mark: str,
    mark_folder: pathlib.Path,
) -> None:
    """Move this process, and its children to come, into fresh namespaces.

    :param binds: what to show where: place -> folder or file shown there.
    :param mark: the source of an empty file system that marks the namespace.
    :param mark_folder: where that is mounted.
    :raises errors.LabError: when the kernel refuses, naming the capability.
    """
    enter_host(binds, HOST_NAME)
    _mount(mark, mark_folder, 'tmpfs', 0)
    _hide_control_groups()


def enter_host(
    binds: collections.abc.Mapping[pathlib.Path, pathlib.Path], name: str
) -> None:
    """Give this process folders and a host name of its own.

    All other mounts, a mark among them, are those of before.

    :param binds: what to show where: place -> folder or file shown there.
    :param name: the host name.
    :raises errors.LabError: when the kernel refuses, naming the capability.
    """
    if _libc.unshare(CLONE_NEWNS | CLONE_NEWUTS):
        raise errors.LabError(
            f'The kernel refuses a mount namespace '
            f'({os.strerror(ctypes.get_errno())}): run ./lab as root, with '
            f'CAP_SYS_ADMIN when in a container.'
        )
    _mount('none', pathlib.Path('/'), '', MS_REC | MS_PRIVATE)
    for place, shown in binds.items():
        _mount(str(shown), place, '', MS_BIND)
    socket.sethostname(name)


def reap_orphans() -> None:
    """Become the parent of every daemon that descends from this process.

    Where PID 1 does not reap, libvirtd waits a minute for each domain else.
    """
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _mount(source: str, target: pathlib.Path, kind: str, flags: int) -> None:
    if _libc.mount(
        source.encode(), os.fsencode(target), kind.encode(), flags, None
    ):
        reason = os.strerror(ctypes.get_errno())
        raise errors.LabError(f'Cannot mount {source} on {target}: {reason}')


def _hide_control_groups() -> None:
    """Let libvirt find no control groups: it would move guests into them."""
    mounts = pathlib.Path('/proc/self/mountinfo').read_text().splitlines()
    for line in reversed(mounts):
        before, _, after = line.partition(' - ')
        if after.split()[0] in ('cgroup', 'cgroup2'):
            _libc.umount2(before.split()[4].encode(), MNT_DETACH)
