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
"""Lay the guest package out below a folder, as a guest image carries it.

=================================== =======================================
below the folder                    what
=================================== =======================================
/usr/lib/nova-ext/guest.pyz         the programs
/usr/sbin/guest_agent, ...          links to it
/usr/sbin/app_scale_helper          the application's script, to be edited
/usr/lib/systemd/system/*.service   units
/usr/lib/python3/dist-packages      a ``.pth`` file, so that the Python of
                                    Debian and Ubuntu finds the modules
/etc/nova-ext/scale.d/              the application's hooks, with a README
/etc/systemd/system/*.wants/        links that enable them
=================================== =======================================
"""

import os
import re
import shutil
import sysconfig
from typing import Iterator
from typing import List

from nova_ext.guest import hooks

PROGRAMS = (
    'guest_agent',
    'guest_scale_agent',
    'offline_cpus',
    'server_group_app',
)
HELPER = 'app_scale_helper'
HOOKS_README = 'scale.d.README'

APP = 'usr/lib/nova-ext/guest.pyz'
PTH = 'usr/lib/python3/dist-packages/nova-ext-guest.pth'
_SBIN = 'usr/sbin'
UNITS = 'usr/lib/systemd/system'
_ENABLED = 'etc/systemd/system'
_SYSTEMD = 'systemd'
_FILES = os.path.join('etc', 'nova-ext', 'guest')


class FilesMissing(Exception):
    """The units and the helper script are not where they should be."""


def find_files(package: str) -> str:
    """Return the folder with the units and the helper script.

    :param package: the folder of the package ``nova_ext``: in a checkout the
        files are beside it, after an installation where pip puts data, and
        in a distribution's package below the root.
    :raises FilesMissing: they are in none of these places.
    """
    bases = (os.path.dirname(package), sysconfig.get_path('data'), os.sep)
    tried = [os.path.join(base, _FILES) for base in bases]
    for folder in tried:
        if os.path.exists(os.path.join(folder, HELPER)):
            return folder
    raise FilesMissing(
        'Found no units and no %s in %s: name their folder with --files.'
        % (HELPER, ' or '.join(tried))
    )


def make_place(root: str) -> str:
    """Return where the zipapp goes; its folder exists afterwards."""
    path = os.path.join(root, APP)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def install(root: str, files: str) -> None:
    """Write everything but the zipapp below the folder, for an image.

    :param root: the folder.
    :param files: the folder with the units and the helper script.
    """
    lay_out(root, files)
    copy(files, HELPER, os.path.join(root, _SBIN), 0o755)
    for unit in _units(files):
        for target in _wanted_by(os.path.join(files, _SYSTEMD, unit)):
            _link(
                os.path.join('/', UNITS, unit),
                os.path.join(root, _ENABLED, target + '.wants', unit),
            )


def lay_out(root: str, files: str) -> None:
    """Write what does not depend on who installs it: links, units, hooks.

    And the ``.pth`` file, which does nothing where Python looks elsewhere.

    :param root: the folder.
    :param files: the folder with the units and the helper script.
    """
    write(root, PTH, '/%s\n' % APP)
    for program in PROGRAMS:
        _link(os.path.join('/', APP), os.path.join(root, _SBIN, program))
    for unit in _units(files):
        copy(files, os.path.join(_SYSTEMD, unit), os.path.join(root, UNITS))
    copy(
        files,
        HOOKS_README,
        os.path.join(root, hooks.FOLDER.lstrip('/')),
        name='README',
    )


def _units(files: str) -> List[str]:
    return sorted(os.listdir(os.path.join(files, _SYSTEMD)))


def copy(
    source: str, path: str, folder: str, mode: int = 0o644, name: str = ''
) -> None:
    """Copy a file into a folder, which is made.

    :param source: the folder of the original.
    :param path: the file below it.
    :param folder: where the copy goes.
    :param mode: the copy's rights.
    :param name: the copy's name, if it is another one.
    """
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, name or os.path.basename(path))
    shutil.copyfile(os.path.join(source, path), target)
    os.chmod(target, mode)


def write(root: str, path: str, text: str) -> None:
    """Write a file below the root, and make its folder."""
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as stream:
        stream.write(text)
    os.chmod(path, 0o644)


def _link(target: str, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def _wanted_by(unit: str) -> Iterator[str]:
    with open(unit, encoding='utf-8') as stream:
        for line in re.findall(r'^WantedBy=(.*)$', stream.read(), re.M):
            yield from line.split()
