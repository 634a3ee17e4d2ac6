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
"""The plug-in ``vcpu_scale``: what both of its halves know."""

from nova_ext.plugins.stats import COUNT
from nova_ext.plugins.stats import TEXT
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey

FREE = 'vcpu_scale_free'
USED = 'vcpu_scale_used'
RETURNABLE = 'vcpu_scale_returnable'
PROMISED = 'vcpu_scale_promised'
CELLS = 'vcpu_scale_cells'

DESCRIPTION = Description(
    'vcpu_scale',
    '1.0',
    (
        StatsKey(FREE, COUNT, 'dedicated pCPUs that no server has'),
        StatsKey(USED, COUNT, 'pCPUs that scalable servers have'),
        StatsKey(
            RETURNABLE,
            COUNT,
            'pCPUs that scalable servers could give back: current minus '
            'minimum',
        ),
        StatsKey(
            PROMISED,
            COUNT,
            'pCPUs that scalable servers may take back: maximum minus current',
        ),
        StatsKey(
            CELLS,
            TEXT,
            'the same for each NUMA node, as JSON; returnable is at most '
            'what the node could give',
        ),
    ),
)


def reserved(promised: int, percent: int) -> int:
    """Return how many of the promised pCPUs are kept free, rounded up."""
    return -(-promised * percent // 100)
