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
"""How many more pCPUs of a host may run real-time vCPUs."""

from nova_ext import conf
from nova_ext.consumers.counted import CountedConsumer
from nova_ext.model.usage import Usage
from nova_ext.plugins import realtime_pcpu as shared
from nova_ext.plugins.stats import Description

CONF = conf.CONF


class RealtimePcpu(CountedConsumer):
    """The other half of ``nova_ext.resources.realtime_pcpu``."""

    @classmethod
    def describe(cls) -> Description:
        """See the contract."""
        return shared.DESCRIPTION

    def amount_of(self, usage: Usage) -> int:
        """See the base class."""
        return usage.realtime_cores

    def weight_multiplier(self) -> float:
        """See the contract."""
        multiplier: float = CONF.nova_ext_realtime_pcpu.weight_multiplier
        return multiplier
