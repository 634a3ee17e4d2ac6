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
"""Tell a finished build in the cache from an interrupted or outdated one."""

import collections.abc
import hashlib
import os
import pathlib


def digest(parts: collections.abc.Iterable[str | bytes]) -> str:
    """A short digest over texts; their boundaries count."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(b'%d:' % len(data))
        whole.update(data)
    return whole.hexdigest()[:16]


def holds(stamp: pathlib.Path, value: str) -> bool:
    """Whether the build was finished for exactly this value."""
    try:
        return stamp.read_text().strip() == value
    except OSError:
        return False


def write(stamp: pathlib.Path, value: str) -> None:
    """Declare the build finished; nobody ever sees half a stamp."""
    fresh = stamp.with_name(f'{stamp.name}.{os.getpid()}')
    fresh.write_text(value + '\n')
    fresh.replace(stamp)
