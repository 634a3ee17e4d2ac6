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
"""Distributions that are installed for the time of a test.

An importable folder with the metadata that pip would leave there. Python
finds the one in front of the path first, so this checkout's own entry points
count even where an older nova-ext is installed.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import configparser
import contextlib
import pathlib
import sys
import tempfile

import stevedore

ROOT = pathlib.Path(__file__).resolve().parents[1]

#: Name space to name to target.
EntryPoints = Mapping[str, Mapping[str, str]]


def ours() -> dict[str, dict[str, str]]:
    """Return the entry points of setup.cfg."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / 'setup.cfg', 'utf-8')
    return {
        group: {
            name.strip(): target.strip()
            for name, _, target in (
                line.partition('=') for line in lines.strip().splitlines()
            )
        }
        for group, lines in setup['entry_points'].items()
    }


def write(
    folder: pathlib.Path, name: str, version: str, points: EntryPoints
) -> None:
    """Write a distribution's metadata into a folder."""
    info = folder / ('%s-%s.dist-info' % (name.replace('-', '_'), version))
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' % (name, version)
    )
    (info / 'entry_points.txt').write_text(
        '\n'.join(
            '[%s]\n%s'
            % (
                group,
                '\n'.join('%s = %s' % each for each in targets.items()),
            )
            for group, targets in points.items()
        )
    )


@contextlib.contextmanager
def installed(
    *distributions: tuple[str, str, EntryPoints],
) -> Iterator[None]:
    """Install distributions, in the order in which Python finds them."""
    with contextlib.ExitStack() as stack:
        folders = []
        for name, version, points in distributions:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            write(pathlib.Path(folder), name, version, points)
            folders.append(folder)
        sys.path[:0] = folders
        _forget()
        try:
            yield
        finally:
            for folder in folders:
                sys.path.remove(folder)
            _forget()


def _forget() -> None:
    """Let stevedore look again; it looks once for each name space."""
    stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear()


def nova_ext() -> tuple[str, str, EntryPoints]:
    """Return this checkout as a distribution."""
    return ('nova-ext', '99.0.0', ours())
