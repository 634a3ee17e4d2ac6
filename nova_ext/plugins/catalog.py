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
"""Which plug-ins are installed, and by which package.

stevedore keeps neither the distribution of an entry point nor the duplicates
of its registrations, hence this list of our own.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
import importlib.metadata
import re

RESOURCES = 'nova.compute.resources'
CONSUMERS = 'nova.scheduler.consumers'
#: The option in ``[DEFAULT]`` that names the plug-ins of each name space.
OPTIONS = {RESOURCES: 'compute_resources', CONSUMERS: 'scheduler_consumers'}


@dataclass(frozen=True)
class Installed:
    """One registration of a plug-in.

    :ivar target: where it is, ``module:class``.
    """

    name: str
    target: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return '%s %s (%s)' % (self.distribution, self.version, self.target)


def installed(namespace: str) -> list[Installed]:
    """Return all registrations, in the order in which Python finds them."""
    return [
        Installed(
            point.name,
            point.value.replace(' ', ''),
            distribution.metadata['Name'],
            distribution.version,
        )
        for distribution in _distributions()
        for point in distribution.entry_points
        if point.group == namespace
    ]


def conflicts(found: list[Installed]) -> list[str]:
    """Return the names that stand for more than one thing, in order.

    The same target registered twice, as by a package that is installed in
    two ways, is no conflict.
    """
    targets = {(each.name, each.target) for each in found}
    counts = Counter(name for name, _ in targets)
    return sorted(name for name, count in counts.items() if count > 1)


def _distributions() -> Iterator[importlib.metadata.Distribution]:
    """Yield each distribution once, the one that is imported."""
    seen = set()
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata['Name']
        key = re.sub(r'[-_.]+', '-', name or '').lower()
        if key and key not in seen:
            seen.add(key)
            yield distribution
