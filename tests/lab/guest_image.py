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
"""The guest's disk image: the cached base plus the current guest package."""

import pathlib
import shutil

from tests.lab import commands
from tests.lab import guest_base
from tests.lab import guest_package
from tests.lab import layout
from tests.lab import progress
from tests.lab import stamps

SIZE = '700M'


class GuestImage:
    """A qcow2 file, made anew when the base or the package changed."""

    def __init__(self, paths: layout.Layout) -> None:
        self.base = guest_base.GuestBase(paths)
        self.folder = paths.guest / 'image'
        self.disk = self.folder / 'guest.qcow2'
        self.log = paths.build_logs / 'guest.log'

    def digest(self) -> str:
        """Changes when the base, the package or this file changes."""
        return stamps.digest(
            [
                self.base.digest(),
                guest_package.digest(),
                pathlib.Path(__file__).read_bytes(),
            ]
        )

    def build(self) -> None:
        """Make what is missing.

        :raises errors.LabError: when a tool fails, with its output.
        """
        self.base.build()
        value = self.digest()
        stamp = self.folder / 'complete'
        if stamps.holds(stamp, value):
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with progress.step('Put the guest package into the image', self.log):
            self._assemble()
        stamps.write(stamp, value)

    def _assemble(self) -> None:
        tree = self.folder / 'tree'
        raw = self.folder / 'guest.raw'
        commands.run(['cp', '-a', self.base.tree, tree], self.log, 120)
        guest_package.install(tree, self.log)
        commands.run(['truncate', '-s', SIZE, raw], self.log, 10)
        commands.run(
            ['mkfs.ext4', '-q', '-F', '-L', 'guest', '-d', tree, raw],
            self.log,
            120,
        )
        commands.run(
            ['qemu-img', 'convert', '-O', 'qcow2', raw, self.disk],
            self.log,
            120,
        )
        raw.unlink()
        shutil.rmtree(tree)
