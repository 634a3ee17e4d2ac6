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
"""Options of the group ``[nova_ext_compute_unit]``, a built-in plug-in."""

from oslo_config import cfg

GROUP = 'nova_ext_compute_unit'

_DECIMAL = r'^[0-9]{1,%d}(\.[0-9]{1,6})?$'

OPTIONS = [
    cfg.StrOpt(
        'units_per_pcpu',
        default='1',
        regex=_DECIMAL % 9,
        help="""
How many compute units one pCPU of this compute host delivers. Set it by the
speed of the processor; a host has this many for each of its pCPUs that
servers may use, shared and dedicated ones alike.

Possible values:

* A decimal number, for example ``1`` or ``2.5``. It is taken exactly.

Related options:

* ``[nova_ext_compute_unit]allocation_ratio``
""",
    ),
    cfg.StrOpt(
        'allocation_ratio',
        default='1',
        regex=_DECIMAL % 3,
        help="""
How many times each of the host's compute units is given away.

Possible values:

* A decimal number, ``1`` for no overcommitment. It is taken exactly.

Related options:

* ``[nova_ext_compute_unit]units_per_pcpu``
""",
    ),
    cfg.FloatOpt(
        'weight_multiplier',
        default=1.0,
        help="""
How much ``ResourceWeigher`` prefers hosts with many free compute units.

Possible values:

* Positive: servers are spread.
* 0: no difference.
* Negative: servers are packed.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
