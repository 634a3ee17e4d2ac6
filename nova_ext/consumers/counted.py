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
"""The commonest consumer: the other half of a ``CountedResource``."""

import abc
from collections.abc import Mapping
from decimal import Decimal

from nova_ext.consumers.base import Consumer
from nova_ext.consumers.base import Refusal
from nova_ext.model.usage import Usage

Number = int | Decimal
#: Total and used amount.
Counted = tuple[Number, Number]


class CountedConsumer(Consumer[Counted, Number]):
    """Total and used amounts, read from the two keys that it describes."""

    def __init__(self) -> None:
        self._total, self._used = self.describe().keys
        self._total_key = self._total.name
        self._used_key = self._used.name

    @abc.abstractmethod
    def amount_of(self, usage: Usage) -> Number:
        """Return how much a server takes.

        :raises exception.DemandInvalid: its flavor does not say it rightly.
        """

    def read(self, stats: Mapping[str, str]) -> Counted:
        """See the contract."""
        try:
            total, used = stats[self._total_key], stats[self._used_key]
            if total.isdecimal() and used.isdecimal():
                return int(total), int(used)
        except (AttributeError, KeyError, ValueError):
            pass
        return self._total.read(stats), self._used.read(stats)

    def wanted(self, usage: Usage) -> Number | None:
        """See the contract."""
        return self.amount_of(usage) or None

    def fits(self, state: Counted, wanted: Number) -> Refusal | None:
        """See the contract."""
        free = state[0] - state[1]
        if wanted <= free:
            return None
        return Refusal(
            '%s - %s' % (self._total_key, self._used_key), free, wanted
        )

    def consume(self, state: Counted, wanted: Number) -> Counted:
        """See the contract."""
        return state[0], state[1] + wanted

    def weigh(self, state: Counted) -> float:
        """Return what is free."""
        return float(state[0] - state[1])
