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
"""The commonest resource: a number of which each server takes some."""

import abc
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from oslo_log import log as logging

from nova_ext import exception
from nova_ext.model.usage import Usage
from nova_ext.plugins.stats import Value
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host

LOG = logging.getLogger(__name__)

Number = int | Decimal


class CountedResource(Resource):
    """Total and used amounts, written as two keys.

    A subclass describes exactly two keys, that of the total and that of the
    used amount, in this order.
    """

    def __init__(self) -> None:
        self._total: Number = 0
        self._used: Number = 0
        total, used = self.describe().keys
        self._total_key, self._used_key = total.name, used.name

    @abc.abstractmethod
    def total_of(self, host: Host) -> Number:
        """Return how much the host has, any allocation ratio included."""

    @abc.abstractmethod
    def amount_of(self, usage: Usage) -> Number:
        """Return how much a server takes.

        :raises exception.DemandInvalid: its flavor does not say it rightly.
        """

    def reset(self, host: Host) -> None:
        """See the contract."""
        self._total, self._used = self.total_of(host), 0

    def add_instance(self, usage: Usage) -> None:
        """See the contract."""
        self._used += self._amount_taken(usage)

    def remove_instance(self, usage: Usage) -> None:
        """See the contract."""
        self._used -= self._amount_taken(usage)

    def test(self, usage: Usage, limits: Mapping[str, Any]) -> str | None:
        """See the contract."""
        wanted = self.amount_of(usage)
        free = self._total - self._used
        if wanted <= free or not wanted:
            return None
        return '%s: free %s < requested %s' % (
            self.describe().name,
            free,
            wanted,
        )

    def write(self) -> Mapping[str, Value]:
        """See the contract."""
        return {self._total_key: self._total, self._used_key: self._used}

    def report_free(self) -> str:
        """See the contract."""
        return 'free %s of %s' % (self._total - self._used, self._total)

    def _amount_taken(self, usage: Usage) -> Number:
        """Return what a server counts for that is here anyway.

        One whose flavor is wrong came before the plug-in was switched on.
        """
        try:
            return self.amount_of(usage)
        except exception.DemandInvalid as error:
            LOG.warning(
                'Server %(server)s counts for nothing in %(plugin)s: '
                '%(error)s',
                {
                    'server': usage.uuid,
                    'plugin': self.describe().name,
                    'error': error,
                },
            )
            return 0
