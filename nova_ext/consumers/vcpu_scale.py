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
"""What scalable servers hold on a host, could give back, and may take."""

from collections.abc import Mapping
from typing import NamedTuple

from nova_ext import conf
from nova_ext.consumers.base import Consumer
from nova_ext.consumers.base import Refusal
from nova_ext.model.usage import Usage
from nova_ext.plugins import vcpu_scale as shared
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import read_count

CONF = conf.CONF

# This module's own names are found faster, for every host there is.
_FREE, _USED = shared.FREE, shared.USED
_RETURNABLE, _PROMISED = shared.RETURNABLE, shared.PROMISED


class Pcpus(NamedTuple):
    """A host's dedicated pCPUs; see the described keys."""

    free: int
    used: int
    returnable: int
    promised: int


class Asked(NamedTuple):
    """What a server takes of them, and how much it could give back.

    :ivar percent: the share of the promised ones that is kept; read once a
        request, because an option costs more than the rest.
    """

    cores: int
    used: int
    returnable: int
    promised: int
    percent: int


class VcpuScale(Consumer[Pcpus, Asked]):
    """The other half of ``nova_ext.resources.vcpu_scale``.

    It sees the host as a whole. The NUMA nodes are in the stats for those who
    want them, but which one a server gets is decided on its host.
    """

    @classmethod
    def describe(cls) -> Description:
        """See the contract."""
        return shared.DESCRIPTION

    def read(self, stats: Mapping[str, str]) -> Pcpus:
        """See the contract."""
        return Pcpus(
            read_count(stats, _FREE),
            read_count(stats, _USED),
            read_count(stats, _RETURNABLE),
            read_count(stats, _PROMISED),
        )

    def wanted(self, usage: Usage) -> Asked | None:
        """See the contract."""
        cores, bounds = usage.cores, usage.bounds
        if not cores:
            return None
        percent: int = CONF.nova_ext_vcpu_scale.reserved_percent
        if not bounds.scalable:
            return Asked(cores, 0, 0, 0, percent)
        return Asked(
            cores,
            cores,
            usage.current - bounds.minimum,
            bounds.maximum - usage.current,
            percent,
        )

    def fits(self, state: Pcpus, wanted: Asked) -> Refusal | None:
        """Refuse only what would take the pCPUs that are kept."""
        kept = shared.reserved(state.promised, wanted.percent)
        if not kept or wanted.cores + kept <= state.free:
            return None
        return Refusal(
            '%s - %d%% of %s' % (shared.FREE, wanted.percent, shared.PROMISED),
            state.free - kept,
            wanted.cores,
        )

    def consume(self, state: Pcpus, wanted: Asked) -> Pcpus:
        """See the contract."""
        return Pcpus(
            max(state.free - wanted.cores, 0),
            state.used + wanted.used,
            state.returnable + wanted.returnable,
            state.promised + wanted.promised,
        )

    def weigh(self, state: Pcpus) -> float:
        """Return the room for scale-up: what is free beyond the promised."""
        return float(state.free - state.promised)

    def weight_multiplier(self) -> float:
        """See the contract."""
        multiplier: float = CONF.nova_ext_vcpu_scale.weight_multiplier
        return multiplier
