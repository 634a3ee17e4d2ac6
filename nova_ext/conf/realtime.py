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
"""Options of the group ``[nova_ext_realtime]``: real-time servers."""

from oslo_config import cfg

GROUP = 'nova_ext_realtime'

OPTIONS = [
    cfg.StrOpt(
        'default_mask',
        default='',
        regex=r'^$|^\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*$',
        help="""
The real-time mask of flavors that ask for real-time without having one.

It is for flavors with a true ``hw:cpu_realtime``, neither
``hw:cpu_realtime_mask`` nor ``hw:emulator_threads_policy``, where Nova refuses
every server whose image has no ``hw_cpu_realtime_mask``. When such a flavor is
used to create a server or to resize one, nova-api writes the mask into the
flavor as its ``hw:cpu_realtime_mask``, before Nova reads it: from then on it
shows in the flavor, and all of Nova sees an ordinary flavor. An image's mask
still wins. Clearing the option later leaves those masks in place.

Only nova-api reads this option.

Possible values:

* Empty: none, Nova's error stands.
* ``^0``: vCPU 0 stays ordinary and all others are real-time, which is the
  default of Nova's blueprint.
* Any other list of vCPUs as ``hw:cpu_realtime_mask`` has it, such as ``^0-1``.
  A flavor with too few vCPUs for it is refused.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
