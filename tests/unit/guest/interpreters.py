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
"""The Pythons that a guest could have."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

#: The oldest that is promised, and those of the distributions of today.
WANTED = ('3.6', '3.11', '3.12', '3.13')


def path_of(version: str) -> str:
    """Return the interpreter of this version.

    :raises pytest.skip.Exception: this machine has none.
    """
    found = _path_of(version)
    if found is None:
        pytest.skip(
            'no Python %s here: install it, such as with pyenv' % version
        )
    return found


@functools.cache
def _path_of(version: str) -> str | None:
    pyenv = pathlib.Path(os.environ.get('PYENV_ROOT', '~/.pyenv'))
    candidates = [
        sys.executable,
        shutil.which('python' + version),
        *pyenv.expanduser().glob('versions/%s.*/bin/python' % version),
    ]
    for path in filter(None, candidates):
        if _version(str(path)) == version:
            return str(path)
    return None


def _version(path: str) -> str | None:
    code = 'import sys; print("%d.%d" % sys.version_info[:2])'
    try:
        done = subprocess.run(
            [path, '-c', code], timeout=30, capture_output=True, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        # Such as a shim for a version that is not there.
        return None
    return done.stdout.strip()
