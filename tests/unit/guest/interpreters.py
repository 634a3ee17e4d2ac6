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
"""The Pythons of this machine that a guest could have."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

OLDEST = (3, 6)
NEWEST = (3, 20)


@functools.cache
def found() -> dict[str, str]:
    """Return the interpreters by version, from 3.6 on, this one included."""
    names = ['python3.%d' % minor for minor in range(OLDEST[1], NEWEST[1])]
    candidates = [shutil.which(name) for name in names]
    pyenv = pathlib.Path(os.environ.get('PYENV_ROOT', '~/.pyenv'))
    for path in sorted(pyenv.expanduser().glob('versions/3.*/bin/python')):
        candidates.append(str(path))
    versions = {}
    for path in [*filter(None, candidates), sys.executable]:
        version = _version(path)
        if version is not None and OLDEST <= version:
            versions['%d.%d' % version] = path
    return versions


def _version(path: str) -> tuple[int, int] | None:
    code = 'import sys; print(*sys.version_info[:2])'
    try:
        done = subprocess.run(
            [path, '-c', code], timeout=30, capture_output=True
        )
        major, minor = map(int, done.stdout.split())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        # Such as a shim for a version that is not there.
        return None
    return major, minor
