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
"""How many pCPUs run real-time vCPUs, and how many may."""

from nova_ext import conf
from nova_ext.model.usage import Usage
from nova_ext.plugins import realtime_pcpu as shared
from nova_ext.plugins.stats import Description
from nova_ext.resources.counted import CountedResource
from nova_ext.resources.host import Host

CONF = conf.CONF


class RealtimePcpu(CountedResource):
    """A parked real-time vCPU runs nowhere, and does not count."""

    @classmethod
    def describe(cls) -> Description:
        """See the contract."""
        return shared.DESCRIPTION

    def total_of(self, host: Host) -> int:
        """See the base class."""
        return shared.limit_of(
            CONF.nova_ext_realtime_pcpu.limit, len(host.dedicated)
        )

    def amount_of(self, usage: Usage) -> int:
        """See the base class."""
        return usage.realtime_cores
