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
"""Build the guest package as a Debian package, from the tree alone.

Needs ``dpkg-deb`` and no network. Beside what `nova_ext.guest.install` lays
out there is an example of each kind of hook: an ``app_scale_helper`` of its
own in ``/usr/sbin`` would be in the way of the application's.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from typing import Iterator

from nova_ext.guest import install

NAME = 'nova-ext-guest'
INTERPRETER = '/usr/bin/python3'

_DOC = 'usr/share/doc/%s' % NAME
_EXAMPLES = 'examples'
_DEBIAN = 'debian'
_SCRIPTS = ('postinst', 'prerm', 'postrm')

#: The date of files without one, 1980: the same sources give the same bytes.
_EPOCH = '315532800'


class BuildError(Exception):
    """The package cannot be built; the text says why."""


def debian_version(version: str) -> str:
    """Return a version of Python's as Debian's, sorted alike.

    ``1.2.0.dev3``, ``1.2.0rc1`` and ``1.2.0.0b2`` come before ``1.2.0``.
    """
    # pbr writes 1.2.0.0rc1 for 1.2.0rc1.
    version = re.sub(r'^(\d+\.\d+\.\d+)\.0(?=[abr])', r'\1', version)
    version = re.sub(r'\.?(dev|a|b|rc)(?=\d)', r'~\1', version)
    return version.replace('-', '.')


def package(root: str, files: str, version: str, output: str) -> str:
    """Write the package; return its path.

    :param root: a folder with the zipapp in its place
        (`nova_ext.guest.install.make_place`) and nothing else; the rest is
        added.
    :param files: the folder with the units and scripts.
    :param version: as Python writes it.
    :param output: the folder to write to.
    :raises BuildError: there is no ``dpkg-deb``, or it fails.
    """
    version = debian_version(version)
    install.lay_out(root, files)
    _add_documents(root, files)
    _add_control(root, files, version)
    path = os.path.join(output, '%s_%s_all.deb' % (NAME, version))
    # An existing file is only replaced by a complete one.
    folder = tempfile.mkdtemp(dir=output)
    try:
        made = os.path.join(folder, 'package')
        _dpkg_deb(root, made)
        os.rename(made, path)
    finally:
        shutil.rmtree(folder)
    return path


def _add_documents(root: str, files: str) -> None:
    doc = os.path.join(root, _DOC)
    install.copy(files, os.path.join(_DEBIAN, 'copyright'), doc)
    examples = os.path.join(doc, _EXAMPLES)
    install.copy(files, install.HELPER, examples, 0o755)
    for name in sorted(os.listdir(os.path.join(files, _EXAMPLES))):
        install.copy(files, os.path.join(_EXAMPLES, name), examples, 0o755)


def _add_control(root: str, files: str, version: str) -> None:
    with open(
        os.path.join(files, _DEBIAN, 'control'), encoding='utf-8'
    ) as stream:
        control = stream.read()
    paths = sorted(_files(root))
    size = sum(
        os.path.getsize(os.path.join(root, path)) // 1024 + 1 for path in paths
    )
    sums = ['%s  %s\n' % (_md5(root, path), path) for path in paths]
    control = control.replace('@VERSION@', version)
    install.write(root, 'DEBIAN/control', control.replace('@SIZE@', str(size)))
    install.write(root, 'DEBIAN/md5sums', ''.join(sums))
    folder = os.path.join(root, 'DEBIAN')
    install.copy(files, os.path.join(_DEBIAN, 'conffiles'), folder)
    for script in _SCRIPTS:
        install.copy(files, os.path.join(_DEBIAN, script), folder, 0o755)


def _files(root: str) -> Iterator[str]:
    """Yield the package's files, but no links."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield os.path.relpath(path, root)


def _md5(root: str, path: str) -> str:
    with open(os.path.join(root, path), 'rb') as stream:
        # The format's own; nobody relies on it for security.
        return hashlib.md5(stream.read()).hexdigest()  # noqa: S324


def _dpkg_deb(root: str, path: str) -> None:
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)  # noqa: S103 as every Debian package has it
    environment = dict(os.environ)
    environment.setdefault('SOURCE_DATE_EPOCH', _EPOCH)
    command = ['dpkg-deb', '--root-owner-group', '--build', root, path]
    try:
        done = subprocess.run(  # noqa: S603 fixed words and our own paths
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )
    except FileNotFoundError:
        raise BuildError('There is no dpkg-deb: install the package dpkg.')
    if done.returncode:
        raise BuildError(
            'dpkg-deb failed: %s' % done.stdout.decode('utf-8', 'replace')
        )
