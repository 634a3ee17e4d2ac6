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
"""Build the guest's programs: one file to run, or a tree to copy.

``python -m nova_ext.guest.build OUTPUT.pyz`` writes the zipapp, and
``python -m nova_ext.guest.build --root DIR`` everything that a guest image
carries, below DIR. The same sources give the same bytes.
"""

import argparse
import os
import sys
import tempfile
from typing import Iterator
from typing import List
from typing import Optional
from typing import Tuple
import zipfile

from nova_ext.guest import cloud_init
from nova_ext.guest import debian
from nova_ext.guest import install

INTERPRETER = '/usr/bin/env python3'

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CONTENT = ('__init__.py', 'cpuset.py', 'wire', 'guest')
#: Modules of the guest room that run where an image is built, not in it.
_LEFT_OUT = ('build.py', 'cloud_init.py', 'debian.py', 'install.py')

_START = b"""\
import sys

from nova_ext.guest import main

sys.exit(main.main())
"""

#: The earliest time that a zip file can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def zipapp(
    output: str,
    interpreter: str = INTERPRETER,
    compression: int = zipfile.ZIP_DEFLATED,
) -> None:
    """Write the zipapp with all programs of the guest.

    :param output: the file to write; made executable.
    :param interpreter: the Python 3.6 or newer that runs it in the guest.
    :param compression: `zipfile.ZIP_STORED` if all of it is compressed later.
    """
    with open(output, 'wb') as stream:
        stream.write(b'#!' + interpreter.encode('utf-8') + b'\n')
        with zipfile.ZipFile(stream, 'w', compression) as archive:
            _add(archive, '__main__.py', _START)
            for name, path in sorted(_sources()):
                with open(path, 'rb') as source:
                    _add(archive, name, source.read())
    os.chmod(output, 0o755)  # noqa: S103 all users may run it


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = archive.compression
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _sources() -> Iterator[Tuple[str, str]]:
    """Yield the name in the archive and the path of each module."""
    for item in _CONTENT:
        path = os.path.join(_PACKAGE, item)
        names = [''] if item.endswith('.py') else sorted(os.listdir(path))
        for name in names:
            if name not in _LEFT_OUT and (item + name).endswith('.py'):
                yield (
                    '/'.join(filter(None, ('nova_ext', item, name))),
                    os.path.join(path, name) if name else path,
                )


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(argv)
    try:
        _build(options)
    except (OSError, install.FilesMissing, debian.BuildError) as error:
        sys.stderr.write('%s\n' % error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m nova_ext.guest.build',
        description="Build the guest's programs: one zipapp, or that with "
        'links, service units and scripts in one of several forms.',
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('output', nargs='?', help='the zipapp to write')
    target.add_argument('--root', metavar='DIR', help='the tree to write')
    target.add_argument(
        '--deb', metavar='DIR', help='where to write a Debian package'
    )
    target.add_argument(
        '--cloud-init',
        metavar='FILE',
        help='the user data to write, compressed if FILE ends with .gz',
    )
    parser.add_argument(
        '--files',
        metavar='DIR',
        help='where the units and scripts are '
        '(default: etc/nova-ext/guest of this installation)',
    )
    parser.add_argument(
        '--interpreter',
        help="the guest's Python (default: %s, in a Debian package %s)"
        % (INTERPRETER, debian.INTERPRETER),
    )
    parser.add_argument(
        '--package-version',
        metavar='VERSION',
        default=_version(),
        help="the Debian package's version (default: %(default)s)",
    )
    return parser


def _build(options: argparse.Namespace) -> None:
    interpreter = options.interpreter or (
        debian.INTERPRETER if options.deb else INTERPRETER
    )
    if options.output:
        zipapp(options.output, interpreter)
        return
    files = options.files or install.find_files(_PACKAGE)
    if options.root:
        zipapp(install.make_place(options.root), interpreter)
        install.install(options.root, files)
        return
    with tempfile.TemporaryDirectory() as root:
        place = install.make_place(root)
        if options.deb:
            zipapp(place, interpreter)
            version = options.package_version
            print(debian.package(root, files, version, options.deb))
        else:
            zipapp(place, interpreter, zipfile.ZIP_STORED)
            _write(options.cloud_init, cloud_init.user_data(root, files))


def _write(path: str, text: str) -> None:
    content = text.encode('utf-8')
    if path.endswith('.gz'):
        content = cloud_init.packed(content)
    with open(path, 'wb') as stream:
        stream.write(content)


def _version() -> str:
    """Return the version of this installation; 0 where it is not known."""
    try:
        from importlib import metadata  # novm: newer than Python 3.7

        return metadata.version('nova-ext')
    except ImportError:
        return '0'


if __name__ == '__main__':
    sys.exit(main())
