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
"""Options of the group ``[nova_ext_vcpu_scale]``, a built-in plug-in."""

from oslo_config import cfg

GROUP = 'nova_ext_vcpu_scale'

OPTIONS = [
    cfg.IntOpt(
        'reserved_percent',
        default=0,
        min=0,
        max=100,
        help="""
How much of what scaled-down servers may take back is kept free for them.

A new server is refused if afterwards fewer dedicated pCPUs were free than
this share of the host's promised ones (maximum minus online vCPUs, over all
scalable servers; rounded up). Set the same on controllers and compute hosts.

Possible values:

* 0: nothing is kept, a freed pCPU is anybody's.
* Up to 100, with which every scale-up finds a free pCPU on the host, if not
  always on the right NUMA node.

Related options:

* ``[nova_ext_vcpu_scale]weight_multiplier``
""",
    ),
    cfg.FloatOpt(
        'weight_multiplier',
        default=1.0,
        help="""
How much ``ResourceWeigher`` prefers hosts with room for scale-up: those with
the most free dedicated pCPUs beyond the promised ones.

Possible values:

* Positive: such hosts are preferred.
* 0: no difference.
* Negative: the others are preferred, so that servers are packed.

Related options:

* ``[nova_ext_vcpu_scale]reserved_percent``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
