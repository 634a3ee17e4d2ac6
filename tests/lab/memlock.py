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
"""Let libvirt start guests with locked memory without CAP_SYS_RESOURCE.

Containers often lack that capability; a normal host needs none of this.
"""

import pathlib
import re

from tests.lab import commands
from tests.lab import layout

SOURCE = pathlib.Path(__file__).with_name('programs') / 'memlock.c'

CAP_SYS_RESOURCE = 24


def environment(paths: layout.Layout) -> dict[str, str]:
    """What libvirtd must have in its environment; nothing on most hosts.

    :raises errors.LabError: when the library cannot be compiled.
    """
    if may_raise_limits(pathlib.Path('/proc/self/status').read_text()):
        return {}
    library = paths.state / 'memlock.so'
    log = paths.build_logs / 'memlock.log'
    commands.run(
        ['gcc', '-O2', '-Wall', '-shared', '-fPIC', '-o', library, SOURCE],
        log,
        60,
    )
    return {'LD_PRELOAD': str(library)}


def may_raise_limits(status: str) -> bool:
    """Whether /proc/<pid>/status shows the capability."""
    found = re.search(r'^CapEff:\s*([0-9a-f]+)$', status, re.MULTILINE)
    return found is not None and bool(
        int(found.group(1), 16) >> CAP_SYS_RESOURCE & 1
    )
