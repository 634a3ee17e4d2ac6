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
"""What the service and the relays of the compute hosts tell each other.

Over oslo.messaging, in plain JSON values. A relay calls the service
(`[nova_ext_groups]topic`) with what one of its guests sent, and gets what its
own guests are to be given; what guests of other hosts are to be given, the
service casts to their relays (that topic with `RELAY_SUFFIX`).

=============== =========================================== ===============
to the service  arguments                                   answer
=============== =========================================== ===============
broadcast       host, instance, text, sent                  deliveries
status_query    host, instance, seq, sent                   deliveries
ping                                                        true
forget (fanout) servers, groups                             none
=============== =========================================== ===============

=============== =========================================== ===============
to a relay      arguments                                   answer
=============== =========================================== ===============
deliver         deliveries, sent                            none
=============== =========================================== ===============

``sent`` is the time of sending in seconds since the epoch: what is older
than ``[nova_ext_groups]message_lifetime`` is dropped.
"""

import dataclasses
import time
from typing import Any

RPC_VERSION = '1.0'
RELAY_SUFFIX = '_relay'


@dataclasses.dataclass(frozen=True)
class Delivery:
    """One message for some guests of one host.

    :ivar names: the instances' names.
    :ivar data: the message's data object, see `nova_ext.wire.server_group`.
    """

    names: tuple[str, ...]
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Changed:
    """Servers and groups whose records have changed, by uuid."""

    servers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def pack(deliveries: list[Delivery]) -> list[Any]:
    """Return the deliveries as they travel."""
    return [[list(one.names), one.data] for one in deliveries]


def unpack(packed: list[Any]) -> list[Delivery]:
    """Return the deliveries that came."""
    return [Delivery(tuple(names), data) for names, data in packed]


def is_stale(sent: float, lifetime: float) -> bool:
    """Tell whether a message was sent too long ago.

    Clocks of different hosts are compared: as everywhere in OpenStack, they
    must agree to within seconds.
    """
    return time.time() - sent > lifetime
