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
"""Options of the group ``[nova_ext_channel]``: the guests' sockets."""

from oslo_config import cfg

GROUP = 'nova_ext_channel'

OPTIONS = [
    cfg.StrOpt(
        'guest_socket_dir',
        default='/var/lib/libvirt/qemu',
        help="""
The folder in which QEMU creates one socket a guest, named
``cgcs.messaging.<instance name>.sock``.

Possible values:

* The absolute path of a folder that QEMU may write to and nova-ext-channel
  may read. nova-compute and nova-ext-channel of one host must agree.
""",
    ),
    cfg.StrOpt(
        'local_socket',
        default='/run/nova-ext/channel.sock',
        help="""
The socket on which nova-ext-channel serves the programs of this host, such as
nova-compute.

Possible values:

* The absolute path of a unix socket. nova-compute and nova-ext-channel of one
  host must agree.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
