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
"""Options of the group ``[nova_ext_scaling]``: how a server is scaled."""

from oslo_config import cfg

GROUP = 'nova_ext_scaling'

OPTIONS = [
    cfg.StrOpt(
        'on_silent_guest',
        default='fail',
        choices=[
            ('fail', 'The request fails with an error; nothing changes.'),
            (
                'host_picks',
                'The highest online vCPU that may go offline is parked '
                'without the guest; vCPU 0, the last one of a NUMA cell and '
                'the last one that is not real-time may not. Only for guests '
                'that cannot run the agents: the guest goes on using the '
                'vCPU, which then shares a core.',
            ),
        ],
        help="""
What to do when the guest does not answer a request to take a vCPU offline.

Related options:

* ``[nova_ext_scaling]guest_timeout``
""",
    ),
    cfg.StrOpt(
        'accounting',
        default='current',
        choices=[
            ('current', 'Placement follows the number of online vCPUs.'),
            (
                'full',
                "Placement stays at the flavor's number: freed cores can "
                'be taken only by servers that the host itself admits.',
            ),
        ],
        help="""
What a scaled-down server is charged in the placement service.

Possible values:

* ``current``, ``full``. After a change, each host's next audit charges its
  scaled-down servers anew. With ``full``, a server whose cores others have by
  now stays charged for those that it uses, which the log of nova-compute says
  at each audit, until the host has room.
""",
    ),
    cfg.FloatOpt(
        'guest_timeout',
        default=10.0,
        min=1.0,
        help="""
How many seconds the guest has to take a vCPU offline or online and answer.

The guest is told half a second less, so that an agent which honours the time
limit answers before the host gives up.

Possible values:

* Any number of seconds of at least 1.

Related options:

* ``[nova_ext_scaling]on_silent_guest``
* ``[nova_ext]request_timeout``
* ``[nova_ext_channel]message_lifetime``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
