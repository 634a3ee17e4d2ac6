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
"""Install our own package into nova's environment, as operators would."""

import os
import pathlib
import shutil
import tempfile

from tests.lab import commands
from tests.lab import environments
from tests.lab import layout
from tests.lab import progress
from tests.lab import stamps

#: What the package is built from, relative to the checkout.
SOURCES = (
    'LICENSE',
    'README.rst',
    'etc',
    'nova_ext',
    'pyproject.toml',
    'requirements.txt',
    'setup.cfg',
    'setup.py',
)


def install(paths: layout.Layout) -> None:
    """Install the checkout's package, unless exactly this one is there.

    :raises errors.LabError: when the build fails, with its output.
    """
    files = sources()
    stamp = paths.environments / 'nova' / 'package-under-test'
    value = digest()
    if stamps.holds(stamp, value):
        return
    log = paths.build_logs / 'package.log'
    with progress.step('Install nova-ext from this checkout', log):
        with tempfile.TemporaryDirectory(prefix='nova-ext-') as folder:
            work = pathlib.Path(folder)
            _copy(files, work, log)
            _pip_install(paths, work, log)
    stamps.write(stamp, value)


def digest() -> str:
    """Changes when the package or the environment around it changes."""
    names = sources()
    parts = [part for name in names for part in (name, _content(name))]
    return stamps.digest([environments.NOVA.digest(), *parts])


def sources() -> list[str]:
    """The files of the package that git knows or would add, sorted."""
    listed = commands.output(
        [
            *('git', '-c', 'safe.directory=*', 'ls-files', '-z'),
            *('--cached', '--others', '--exclude-standard', '--', *SOURCES),
        ],
        60,
        cwd=layout.CHECKOUT,
    )
    names = sorted(set(filter(None, listed.split('\0'))))
    return [name for name in names if (layout.CHECKOUT / name).is_file()]


def _content(name: str) -> bytes:
    return (layout.CHECKOUT / name).read_bytes()


def _copy(files: list[str], work: pathlib.Path, log: pathlib.Path) -> None:
    """Copy the sources; a build in the checkout may pick up stale files."""
    for name in files:
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(layout.CHECKOUT / name, target)
    # pbr packs what git lists.
    commands.run(['git', 'init', '-q'], log, 20, cwd=work)
    commands.run(['git', 'add', '--all', '--force'], log, 20, cwd=work)


def _pip_install(
    paths: layout.Layout, work: pathlib.Path, log: pathlib.Path
) -> None:
    commands.run(
        [
            paths.python('nova'),
            *('-m', 'pip', 'install', '--no-input', '--no-deps'),
            *('--disable-pip-version-check', '--force-reinstall'),
            *('--no-build-isolation', '--no-index', str(work)),
        ],
        log,
        180,
        env={**os.environ, 'PBR_VERSION': '0.0.1.dev1'},
        cwd=work,
    )
