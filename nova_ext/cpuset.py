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
"""CPU lists as text, in the form that the kernel, libvirt and Nova share.

Standard library only and Python 3.6, because it is also shipped to guests.
"""

from typing import FrozenSet
from typing import Iterable
from typing import Set

#: No kernel has more CPUs (``NR_CPUS`` of the largest configuration, less 1);
#: a range up to a larger number would only fill the memory.
HIGHEST = 8191


def parse(text: str) -> FrozenSet[int]:
    """Return the CPUs of a list such as ``0-3,^1,7``.

    Items are ``N``, ``N-M``, ``^N`` and ``^N-M``; exclusions apply last,
    whatever the order; empty items and spaces around numbers are skipped. The
    rules are those of ``nova.virt.hardware.parse_cpu_spec``, but for
    :data:`HIGHEST`.

    :raises ValueError: an item is not a number or too large a one, or a range
        runs backwards.
    """
    included: Set[int] = set()
    excluded: Set[int] = set()
    for item in map(str.strip, text.split(',')):
        if not item:
            continue
        if item.startswith('^'):
            excluded.update(_parse_item(item[1:], text))
        else:
            included.update(_parse_item(item, text))
    return frozenset(included - excluded)


def _parse_item(item: str, text: str) -> Iterable[int]:
    first, dash, last = map(str.strip, item.partition('-'))
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError('%r is not a CPU list: bad item %r' % (text, item))
    low, high = int(first), int(last or first)
    if high < low:
        raise ValueError('%r is not a CPU list: %r is reversed' % (text, item))
    if high > HIGHEST:
        raise ValueError(
            '%r is not a CPU list: %d is more than %d' % (text, high, HIGHEST)
        )
    return range(low, high + 1)


def render(cpus: Iterable[int]) -> str:
    """Return the shortest sorted list of the CPUs, such as ``0,2-3``."""
    ordered = sorted(set(cpus))
    ranges = []
    start = 0
    for end, cpu in enumerate(ordered):
        if end + 1 < len(ordered) and ordered[end + 1] == cpu + 1:
            continue
        first = ordered[start]
        ranges.append(str(cpu) if first == cpu else '%d-%d' % (first, cpu))
        start = end + 1
    return ','.join(ranges)
