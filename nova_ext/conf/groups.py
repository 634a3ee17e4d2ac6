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
"""Options of the group ``[nova_ext_groups]``: messages in server groups."""

from oslo_config import cfg

GROUP = 'nova_ext_groups'

_MONITOR = """
Where %s answers ``GET /health`` (200, or 503 with one problem a line) and
``GET /metrics`` (Prometheus text).

Possible values:

* Empty: nowhere.
* ``<address>:<port>`` such as ``127.0.0.1:%d``. What is counted says nothing
  of any one project, but anybody who reaches the port can read it.
* The absolute path of a unix socket, which its user and group may open.

Related options:

* ``[nova_ext_groups]check_interval``
"""

OPTIONS = [
    cfg.StrOpt(
        'topic',
        default='nova_ext_groups',
        help="""
The message topic that nova-ext-groups serves. The relays of the compute hosts
serve this topic with ``_relay`` appended.

Possible values:

* Any topic name that no other service on the message bus uses. The same for
  nova-ext-groups and for every nova-ext-groups-relay.
""",
    ),
    cfg.ListOpt(
        'notification_topics',
        default=['versioned_notifications'],
        help="""
The topics on which Nova sends its versioned notifications.

Possible values:

* A list of topics, as in Nova's own option.

Related options:

* ``[nova_ext_groups]notification_pool``
* ``[notifications]versioned_notifications_topics`` of Nova
* ``[notifications]notification_format`` of Nova must be ``versioned`` or
  ``both`` on nova-api and on every compute host.
""",
    ),
    cfg.StrOpt(
        'notification_pool',
        default='nova-ext-groups',
        help="""
The name under which all copies of nova-ext-groups listen to notifications, so
that each one reaches one copy, and other listeners get them too. It is also
the name of the queue on the message bus. Set the same for all copies.

Possible values:

* Any name that no other listener uses. Then somebody else must take what Nova
  puts into the queues that it makes itself, such as
  ``versioned_notifications.info``, or they grow without end.
* Empty: nova-ext-groups takes it. Only where nobody else listens to versioned
  notifications, because each message goes to one of those who do.

Related options:

* ``[nova_ext_groups]notification_topics``
""",
    ),
    cfg.IntOpt(
        'workers',
        default=8,
        min=2,
        help="""
How many guests' messages one copy of nova-ext-groups handles at a time. One
project never gets more than half of them.

Possible values:

* Any number of at least 2.
""",
    ),
    cfg.IntOpt(
        'relay_workers',
        default=4,
        min=1,
        help="""
How many guests' messages of one host are on their way to nova-ext-groups at a
time; of each guest one, so that its messages keep their order.

Possible values:

* Any number of at least 1.
""",
    ),
    cfg.FloatOpt(
        'request_timeout',
        default=10.0,
        min=1.0,
        help="""
Seconds that a relay waits for nova-ext-groups to take a guest's message. Then
the message is lost: messaging is best effort.

Possible values:

* Any number of seconds of at least 1.
""",
    ),
    cfg.FloatOpt(
        'message_lifetime',
        default=30.0,
        min=1.0,
        help="""
Seconds after which a message that is still on its way, for example because
the message bus was down, is dropped instead of delivered late.

Possible values:

* Any number of at least 1. Clocks of controllers and compute hosts must agree
  to well within this time.

Related options:

* ``[nova_ext_groups]notification_lifetime``
""",
    ),
    cfg.FloatOpt(
        'notification_lifetime',
        default=300.0,
        min=1.0,
        help="""
Seconds after which guests are not told any more of what happened to a server.

Possible values:

* Any number of at least 1.

Related options:

* ``[nova_ext_groups]message_lifetime``
""",
    ),
    cfg.IntOpt(
        'cache_size',
        default=10000,
        min=100,
        help="""
How many servers one copy of nova-ext-groups remembers: their group, host and
flavor. Each takes about 1 KiB.

Possible values:

* Any number of at least 100; best more than there are servers in groups.

Related options:

* ``[nova_ext_groups]cache_lifetime``
""",
    ),
    cfg.FloatOpt(
        'cache_lifetime',
        default=60.0,
        min=0.0,
        help="""
Seconds after which anything that is remembered of a server is read anew.
Notifications keep it true before that; this bounds the time for which a lost
notification matters.

Possible values:

* Any number of at least 0.

Related options:

* ``[nova_ext_groups]cache_size``
""",
    ),
    cfg.FloatOpt(
        'guest_message_rate',
        default=20.0,
        min=0.1,
        help="""
Broadcasts and status queries per second that one guest may send for long; it
may send one second's worth at once. More than that waits in the relay.

Possible values:

* Any number of at least 0.1.

Related options:

* ``[nova_ext_groups]guest_queue_messages``
* ``[nova_ext_groups]group_delivery_rate``
""",
    ),
    cfg.IntOpt(
        'guest_queue_messages',
        default=32,
        min=1,
        help="""
Messages of one guest that wait in the relay. When they are used up, the
guest's newest message is dropped, and the guest gets a nack at most once a
second.

Possible values:

* Any number of at least 1.

Related options:

* ``[nova_ext_groups]guest_message_rate``
""",
    ),
    cfg.FloatOpt(
        'group_delivery_rate',
        default=500.0,
        min=1.0,
        help="""
Messages to guests per second that one server group may cause for long in each
copy of nova-ext-groups; ten seconds' worth can be saved up. A broadcast counts
once for each guest that gets it, a status query five times for each server.
One guest never gets more than half of it, so that it leaves the others as
much. What exceeds it is refused with a nack. Notifications of what happens to
the group's servers have as much again for themselves, which nothing that a
guest sends uses up; beyond it they are dropped.

Possible values:

* Any number of at least 1.

Related options:

* ``[nova_ext_groups]guest_message_rate``
""",
    ),
    cfg.BoolOpt(
        'show_host_internals',
        default=False,
        help="""
Let guests see the names of compute hosts, and the texts of errors, which may
name hosts and files. Otherwise ``host`` and ``node`` are what the compute API
calls ``hostId``, and of an error there is its kind only.

Possible values:

* True, False
""",
    ),
    cfg.StrOpt(
        'service_monitor',
        default='',
        help=_MONITOR % ('nova-ext-groups', 9185),
    ),
    cfg.StrOpt(
        'relay_monitor',
        default='',
        help=_MONITOR % ('nova-ext-groups-relay', 9186),
    ),
    cfg.FloatOpt(
        'check_interval',
        default=30.0,
        min=1.0,
        help="""
Seconds between two messages by which nova-ext-groups and the relays check
that they reach nova-ext-groups over the message bus. The answer to
``/health`` is at most this old.

Possible values:

* Any number of at least 1.

Related options:

* ``[nova_ext_groups]service_monitor``
* ``[nova_ext_groups]relay_monitor``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
