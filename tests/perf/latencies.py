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
"""What cyclictest found, as one distribution."""

import collections
import collections.abc
import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Latencies:
    """Microseconds -> how often.

    :param worst: also where the histogram ends below it.
    """

    histogram: dict[int, int]
    worst: int

    @property
    def count(self) -> int:
        """How many samples."""
        return sum(self.histogram.values())

    @property
    def mean(self) -> float:
        """The average."""
        total = sum(value * times for value, times in self.histogram.items())
        return total / self.count

    def quantile(self, percent: float) -> int:
        """The least value that so many of the samples do not exceed."""
        wanted = self.count * percent / 100
        seen = 0
        for value in sorted(self.histogram):
            seen += self.histogram[value]
            if seen >= wanted:
                return value
        return self.worst


def parse(shown: dict[str, typing.Any]) -> Latencies:
    """The only thread of ``cyclictest --json``."""
    (thread,) = shown['thread'].values()
    histogram = {
        int(value): int(times) for value, times in thread['histogram'].items()
    }
    return Latencies(histogram, int(thread['max']))


def add(parts: collections.abc.Iterable[Latencies]) -> Latencies:
    """All samples of several runs."""
    total: collections.Counter[int] = collections.Counter()
    worst = 0
    for part in parts:
        total.update(part.histogram)
        worst = max(worst, part.worst)
    return Latencies(dict(total), worst)
