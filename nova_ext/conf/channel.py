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

Related options:

* ``[nova_ext_channel]scan_interval``
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

Related options:

* ``[nova_ext_channel]allowed_users``
""",
    ),
    cfg.ListOpt(
        'allowed_users',
        default=['nova'],
        help="""
The users whose programs may talk to guests through nova-ext-channel, beside
root and its own user.

Possible values:

* A list of user names or numbers: the user of nova-compute on this host. A
  name that does not exist on this host is skipped with a warning.

Related options:

* ``[nova_ext_channel]local_socket``: the group of nova-ext-channel's process
  must also let these users open the socket, which has the mode 0660.
* ``[nova_ext_channel]legacy_socket``
""",
    ),
    cfg.FloatOpt(
        'scan_interval',
        default=10.0,
        min=0.05,
        help="""
Seconds between two looks into the folder of the guest sockets. The kernel
tells of sockets that come and go at once; the looks find what it could not
tell of, such as a folder that was made anew. Under the systemd unit such a
folder is not seen: ``/health`` of the ``monitor`` then says that
nova-ext-channel must be restarted.

Possible values:

* Any number of at least 0.05. A folder that cannot be watched is looked at
  every second, or as often as this says.

Related options:

* ``[nova_ext_channel]guest_socket_dir``
* ``[nova_ext_channel]monitor``
""",
    ),
    cfg.FloatOpt(
        'reconnect_interval',
        default=2.0,
        min=0.1,
        help="""
The longest pause, in seconds, between two attempts to connect to a guest.
The first pause is 0.1 seconds; each one is twice as long as that before it.

Possible values:

* Any number of at least 0.1.
""",
    ),
    cfg.IntOpt(
        'max_line_bytes',
        default=16384,
        min=4096,
        max=65536,
        help="""
The longest message that is read from or written to a guest, in bytes with its
envelope. A longer line is dropped. This is also the most that half a line of
one guest can occupy.

Possible values:

* 4096, which is what the original guest programs read, to 65536. Others wait
  while a line is looked at, which can take four milliseconds for 16384 bytes
  and fifteen for 65536.
""",
    ),
    cfg.IntOpt(
        'max_nesting',
        default=31,
        min=8,
        # That of jsonc.MAX_NESTING, with which every reader reads.
        max=31,
        help="""
How deep the objects and arrays of a guest's message may be nested. A deeper
one is dropped.

Possible values:

* 8 to 31. All programs that read messages, the original ones too, refuse a
  deeper one.
""",
    ),
    cfg.FloatOpt(
        'guest_message_rate',
        default=1000.0,
        min=1.0,
        help="""
Messages per second that one guest may send for long; it may send one second's
worth at once. A guest that sends more is read less often: its messages wait
in the guest and are not lost.

Possible values:

* Any number of at least 1.

Related options:

* ``[nova_ext_channel]guest_byte_rate``
* ``[nova_ext_channel]guest_time_percent``
""",
    ),
    cfg.FloatOpt(
        'guest_byte_rate',
        default=4194304.0,
        min=65536.0,
        help="""
Bytes per second that are read from one guest for long, whatever they are; one
second's worth is read at once.

Possible values:

* Any number of at least 65536.

Related options:

* ``[nova_ext_channel]guest_message_rate``
* ``[nova_ext_channel]guest_time_percent``
""",
    ),
    cfg.FloatOpt(
        'guest_time_percent',
        default=0.5,
        min=0.1,
        max=100.0,
        help="""
The share of its time, in percent, that nova-ext-channel spends for long on
what one guest sends; one second's worth is spent at once. It bounds messages
that are dear to read, such as thousands of numbers. A guest that exceeds it is
read less often: its messages wait in the guest and are not lost.

Possible values:

* 0.1 to 100. From 1 on, one of a hundred messages of any other guest may have
  to wait while a dear one is read.

Related options:

* ``[nova_ext_channel]guest_message_rate``
* ``[nova_ext_channel]guest_byte_rate``
""",
    ),
    cfg.IntOpt(
        'turn_bytes',
        default=16384,
        min=1024,
        max=262144,
        help="""
Bytes that are read from one guest before the others have their turn.

Possible values:

* 1024 to 262144. With 65536 a guest that sends without pause makes the others
  wait for several milliseconds.

Related options:

* ``[nova_ext_channel]turn_messages``
""",
    ),
    cfg.IntOpt(
        'turn_messages',
        default=16,
        min=1,
        help="""
Messages of one guest that are passed on before the others have their turn.

Possible values:

* Any number of at least 1.

Related options:

* ``[nova_ext_channel]turn_bytes``
""",
    ),
    cfg.IntOpt(
        'guest_queue_bytes',
        default=262144,
        min=131072,
        help="""
Bytes that wait for a guest which does not read. When they are used up, the
newest message is dropped.

Possible values:

* Any number of at least 131072.

Related options:

* ``[nova_ext_channel]message_lifetime``
""",
    ),
    cfg.FloatOpt(
        'message_lifetime',
        default=10.0,
        min=1.0,
        help="""
Seconds after which a message that waits for a guest is dropped, because its
sender has given up.

Possible values:

* Any number of at least 1. It should not exceed
  ``[nova_ext_scaling]guest_timeout``.

Related options:

* ``[nova_ext_channel]guest_queue_bytes``
* ``[nova_ext_scaling]guest_timeout``
""",
    ),
    cfg.IntOpt(
        'program_queue_messages',
        default=256,
        min=1,
        help="""
Messages that wait for a program of this host which does not read. One guest
may occupy half of what the others have left free; beyond that its newest
message for this program is dropped.

Possible values:

* Any number of at least 1.
""",
    ),
    cfg.StrOpt(
        'monitor',
        default='/run/nova-ext/monitor.sock',
        help="""
Where nova-ext-channel answers HTTP requests for its health (``/health``) and
for its counts as Prometheus text (``/metrics`` for all guests together,
``/metrics/guests`` for each).

Possible values:

* The absolute path of a unix socket, which gets the mode 0660.
* A loopback address and port, such as ``127.0.0.1:9900``, which every user of
  this host can read. The systemd unit allows no network: see the
  administration guide.
* Empty: nowhere.

Related options:

* ``[nova_ext_channel]scan_interval``: how soon ``/health`` tells that the
  folder of the guest sockets cannot be read.
""",
    ),
    cfg.BoolOpt(
        'legacy_socket',
        default=False,
        help="""
Serve host tools that were written for the original host agent, such as
``guest_scale_helper``, at the abstract datagram socket ``cgcs.messaging``.

An abstract name belongs to whoever binds it first, so a program of any user
of this host can take the name of such a tool while that does not run.

Possible values:

* True, False. The original host agent must not run at the same time.

Related options:

* ``[nova_ext_channel]allowed_users``: whose tools are served.
* ``[nova_ext_channel]legacy_addresses``
""",
    ),
    cfg.ListOpt(
        'legacy_addresses',
        default=['cgcs.server_grp'],
        help="""
Abstract names to which guests' messages go although nothing was yet received
from them. Other names get messages only after a tool of an admitted user has
sent something.

Possible values:

* A list of abstract names without the leading NUL.

Related options:

* ``[nova_ext_channel]legacy_socket``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
