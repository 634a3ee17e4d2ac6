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
"""Options of the group ``[nova_ext_realtime_pcpu]``, a built-in plug-in."""

from oslo_config import cfg

GROUP = 'nova_ext_realtime_pcpu'

OPTIONS = [
    cfg.StrOpt(
        'limit',
        default='100%',
        regex=r'^([0-9]{1,6}|(100|[0-9]{1,2})%)$',
        help="""
How many pCPUs of a compute host may run real-time vCPUs at the same time.

A parked real-time vCPU does not count, so a server that scales up can exceed
the limit; only new servers are refused.

Possible values:

* A number of pCPUs, for example ``8``.
* A percentage of the host's dedicated pCPUs, rounded down, for example
  ``75%``.
""",
    ),
    cfg.FloatOpt(
        'weight_multiplier',
        default=1.0,
        help="""
How much ``ResourceWeigher`` prefers hosts with few real-time vCPUs, counted
as what is left of the limit.

Possible values:

* Positive: real-time servers are spread.
* 0: no difference.
* Negative: real-time servers are packed.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
