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
"""The virtual environments: keystone's own, and one for all the rest."""

import dataclasses
import pathlib
import shutil
import sys

from tests.lab import commands
from tests.lab import errors
from tests.lab import layout
from tests.lab import progress
from tests.lab import stamps

CONSTRAINTS = pathlib.Path(__file__).with_name('constraints')


@dataclasses.dataclass(frozen=True)
class Environment:
    """What one virtual environment holds.

    :param name: its folder's name; ``constraints/<name>.txt`` pins it.
    :param requirements: what to install, besides what that pulls in.
    :param links: symbolic links to make, from -> to, below its folder.
    """

    name: str
    requirements: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()

    @property
    def constraints(self) -> pathlib.Path:
        """The versions this environment was tested with."""
        return CONSTRAINTS / f'{self.name}.txt'

    def digest(self) -> str:
        """Changes whenever the environment must be made anew."""
        return stamps.digest(
            [
                *self.requirements,
                str(self.links),
                self.constraints.read_text(),
                _VERSION,
            ]
        )


#: Not the whole version: installing packages may update Python itself.
_VERSION = f'python{sys.version_info.major}.{sys.version_info.minor}'

#: The interpreter outside any environment, also when this runs in one.
_BASE_PYTHON = pathlib.Path(sys.base_prefix, 'bin', _VERSION)

KEYSTONE = Environment('keystone', ('keystone', 'PyMySQL', 'waitress'))

NOVA = Environment(
    'nova',
    (
        'nova',
        'openstack-placement',
        'glance',
        'python-openstackclient',
        'SQLAlchemy<2.1',
        'PyMySQL',
        'waitress',
        'libvirt-python',
        # Our own package's, which is installed without its requirements.
        'inotify-simple',
        # The build of our own package.
        'pbr',
        'setuptools',
        'wheel',
        # The test rings; Nova's own fixtures are among them.
        'ddt',
        'fixtures',
        'hypothesis',
        'mypy',
        'oslotest',
        'pytest',
        'pytest-timeout',
        'pytest-xdist',
        'PyYAML',
        'requests-mock',
        'ruff',
        'stestr',
        'testresources',
        'testscenarios',
        'testtools',
        'types-PyYAML',
        'vermin',
        'wsgi-intercept',
    ),
    # Nova's test fixtures look for its etc/ beside the package.
    ((f'lib/{_VERSION}/site-packages/etc', '../../../etc'),),
)


def install(paths: layout.Layout, environment: Environment) -> None:
    """Make the environment, unless it stands complete.

    :raises errors.LabError: when pip fails three times, or when this very
        environment runs us.
    """
    folder = paths.environments / environment.name
    stamp = folder / 'complete'
    value = environment.digest()
    if stamps.holds(stamp, value):
        return
    if folder.is_relative_to(sys.prefix):
        raise errors.LabError(
            f'The environment {folder} is out of date and in use: '
            f'run ./lab test unit, which makes it anew.'
        )
    log = paths.build_logs / f'pip-{environment.name}.log'
    with progress.step(f'Install the environment {environment.name}', log):
        shutil.rmtree(folder, ignore_errors=True)
        commands.run([_BASE_PYTHON, '-m', 'venv', folder], log, 120)
        commands.run(
            [
                folder / 'bin' / 'python',
                *('-m', 'pip', 'install', '--no-input'),
                *('--disable-pip-version-check', '--prefer-binary'),
                *('-c', environment.constraints),
                *environment.requirements,
            ],
            log,
            1200,
            attempts=3,
        )
        for source, target in environment.links:
            (folder / source).symlink_to(target)
        stamps.write(stamp, value)
