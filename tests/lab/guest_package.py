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
"""Put our guest package into the guest's file system tree."""

import pathlib
import sys
import tempfile

from tests.lab import commands
from tests.lab import layout
from tests.lab import stamps

#: What the package is made of, relative to the checkout.
SOURCES = (
    'etc/nova-ext/guest',
    'nova_ext/__init__.py',
    'nova_ext/cpuset.py',
    'nova_ext/guest',
    'nova_ext/wire',
)


#: Of the package; the lab has no releases.
VERSION = '0.0.1'


def digest() -> str:
    """Changes when the guest package changes."""
    parts: list[str | bytes] = []
    for source in SOURCES:
        top = layout.CHECKOUT / source
        files = [top] if top.is_file() else sorted(top.rglob('*'))
        for file in files:
            if file.is_file() and file.suffix != '.pyc':
                parts += [str(file), file.read_bytes()]
    return stamps.digest(parts)


def install(tree: pathlib.Path, log: pathlib.Path) -> None:
    """Install the Debian package below ``tree``, as image builders do."""
    with tempfile.TemporaryDirectory(prefix='nova-ext-') as folder:
        commands.run(
            [
                *(sys.executable, '-m', 'nova_ext.guest.build'),
                *('--deb', folder, '--package-version', VERSION),
            ],
            log,
            60,
            cwd=layout.CHECKOUT,
        )
        (package,) = pathlib.Path(folder).glob('*.deb')
        commands.run(
            ['dpkg', '--root', tree, '--log=/dev/null', '--install', package],
            log,
            60,
        )
