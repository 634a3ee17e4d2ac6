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
"""Options of the group ``[nova_ext]``: what host and API must agree on."""

from oslo_config import cfg

GROUP = 'nova_ext'

OPTIONS = [
    cfg.StrOpt(
        'topic',
        default='nova_ext_compute',
        help="""
The message topic on which each compute host serves scale requests.

Possible values:

* Any topic name that no other service on the message bus uses. The same on
  nova-api and on every compute host.
""",
    ),
    cfg.IntOpt(
        'request_timeout',
        default=120,
        min=1,
        help="""
How many seconds nova-api waits for a compute host to finish a scale request
that the caller waits for. What has begun by then is accepted, what has not is
refused and will not be carried out.

Possible values:

* Any number of seconds. It should exceed
  ``[nova_ext_scaling]guest_timeout`` by the time that two placement requests
  may take.

Related options:

* ``[nova_ext_scaling]guest_timeout``
* ``[nova_ext]heartbeat_timeout``
""",
    ),
    cfg.IntOpt(
        'heartbeat_timeout',
        default=30,
        min=1,
        help="""
How many seconds nova-api waits for a sign of life of the compute host that
handles a scale request. The host gives one twice in this time as long as the
request runs, so that a host which is gone is noticed before
``request_timeout``.

Possible values:

* Any number of seconds that is well above the delays of the message bus.

Related options:

* ``[nova_ext]request_timeout``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
