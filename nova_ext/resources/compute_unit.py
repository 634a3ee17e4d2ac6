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
"""How many compute units a host has, and how many its servers have."""

from decimal import Decimal

from nova_ext import conf
from nova_ext.model.usage import Usage
from nova_ext.plugins import compute_unit as shared
from nova_ext.plugins.stats import Description
from nova_ext.resources.counted import CountedResource
from nova_ext.resources.host import Host

CONF = conf.CONF


class ComputeUnit(CountedResource):
    """A processor's speed is an option of its host."""

    @classmethod
    def describe(cls) -> Description:
        """See the contract."""
        return shared.DESCRIPTION

    def total_of(self, host: Host) -> Decimal:
        """See the base class."""
        options = CONF.nova_ext_compute_unit
        return (
            shared.parse(options.units_per_pcpu)
            * shared.parse(options.allocation_ratio)
            * host.pcpu_count
        )

    def amount_of(self, usage: Usage) -> Decimal:
        """See the base class."""
        return shared.units_of(usage.extra_specs)
