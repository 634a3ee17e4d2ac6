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
"""The message bus, as the service and the relay use it.

Best effort: what the bus does not take at once is lost and counted, because
it would reach guests late, and because whoever waited would keep others
waiting.
"""

import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging as messaging

from nova_ext.channel import limits
from nova_ext.groups import contract
from nova_ext.groups import directory as directory_module
from nova_ext.groups import relay
from nova_ext.groups import relay_queue
from nova_ext.wire import server_group

LOG = logging.getLogger(__name__)

#: Nova's, so that one access rule of the bus covers both.
EXCHANGE = 'nova'

NO_BUS = 'message bus away'
NO_RELAY = 'no relay on the host'
NO_SERVICE = 'no answer of nova-ext-groups'
FAILED = 'error in nova-ext-groups'


def set_defaults() -> None:
    """Use Nova's exchange where the configuration names none."""
    messaging.set_transport_defaults(EXCHANGE)


def serve(
    transport: messaging.Transport,
    topic: str,
    server: str,
    endpoint: object,
    workers: int,
) -> Any:
    """Serve an endpoint with so many threads; return the started server."""
    made = messaging.get_rpc_server(
        transport,
        messaging.Target(topic=topic, server=server),
        [endpoint],
        executor='threading',
        access_policy=messaging.DefaultRPCAccessPolicy,
    )
    made.start(override_pool_size=workers)
    return made


def listen(
    transport: messaging.Transport,
    topics: list[str],
    pool: str,
    endpoint: object,
) -> Any:
    """Listen to notifications, in order; return the started listener.

    :param pool: empty for the queues that Nova makes itself.
    """
    made = messaging.get_notification_listener(
        transport,
        [messaging.Target(topic=topic) for topic in topics],
        [endpoint],
        executor='threading',
        pool=pool or None,
    )
    # One thread, so that what happens to a server is told in order.
    made.start(override_pool_size=1)
    return made


class Courier:
    """Implements `ports.Courier`.

    :param relays: the transport of each cell.
    :param home: the transport on which the copies talk to each other.
    """

    def __init__(
        self,
        relays: dict[str, messaging.Transport],
        home: messaging.Transport,
        topic: str,
        directory: directory_module.Directory,
    ) -> None:
        self._relays = {
            cell: _client(transport, topic + contract.RELAY_SUFFIX)
            for cell, transport in relays.items()
        }
        self._copies = _client(home, topic)
        self._directory = directory

    def deliver(
        self, cell: str, host: str, deliveries: list[contract.Delivery]
    ) -> str | None:
        """Send to the relay of a host; return why it was lost, or None."""
        client = self._relays.get(cell)
        if client is None:
            return 'unknown cell'
        prepared = client.prepare(
            server=host,
            transport_options=messaging.TransportOptions(at_least_once=True),
        )
        try:
            prepared.cast(
                {},
                'deliver',
                deliveries=contract.pack(deliveries),
                sent=time.time(),
            )
        except messaging.MessageUndeliverable:
            return NO_RELAY
        # Those of the driver below oslo.messaging are not all wrapped.
        except Exception as error:
            LOG.debug('%s: %s', host, error)
            return NO_BUS
        return None

    def forget(self, changed: contract.Changed) -> None:
        """Tell every copy what it must read anew."""
        self._directory.forget(changed)
        try:
            self._copies.prepare(fanout=True).cast(
                {},
                'forget',
                servers=list(changed.servers),
                groups=list(changed.groups),
            )
        except Exception as error:
            LOG.debug('Cannot reach the other copies: %s', error)


class Asker:
    """Implements `relay.Asker`, and checks that the service answers.

    :param host: the compute host that the guests are on.
    :param timeout: seconds to wait for an answer.
    """

    def __init__(
        self,
        transport: messaging.Transport,
        topic: str,
        host: str,
        timeout: float,
        lifetime: float,
    ) -> None:
        self._client = _client(transport, topic, timeout)
        self._host = host
        self._lifetime = lifetime
        self._gate = limits.LogGate()

    def ask(self, waiting: relay_queue.Waiting) -> list[contract.Delivery]:
        """Hand a guest's message over; return what is for this host.

        :raises relay.Lost: nobody took it.
        """
        if contract.is_stale(waiting.at, self._lifetime):
            raise relay.Lost('stale')
        message = waiting.message
        common: dict[str, Any] = {
            'host': self._host,
            'instance': waiting.instance,
            'sent': waiting.at,
        }
        if isinstance(message, server_group.StatusQuery):
            answer = self._call('status_query', seq=message.seq, **common)
        else:
            answer = self._call('broadcast', text=message.text, **common)
        return contract.unpack(answer)

    def check(self, copy: str | None = None) -> str | None:
        """Return why the service does not answer, or None.

        :param copy: the name of the copy to ask; None for any.
        """
        try:
            self._call('ping', copy)
        except relay.Lost as error:
            return str(error)
        return None

    def _call(
        self, method: str, copy: str | None = None, **arguments: Any
    ) -> Any:
        client = self._client.prepare(server=copy)
        try:
            return client.call({}, method, **arguments)
        except messaging.MessagingTimeout:
            raise relay.Lost(NO_SERVICE) from None
        except messaging.MessageDeliveryFailure as error:
            LOG.debug('%s: %s', method, error)
            raise relay.Lost(NO_BUS) from None
        # What the service raised comes as whatever class it has.
        except Exception as error:
            if log := self._gate.admit_to(LOG):
                log.warning('%s: %s', FAILED, error)
            raise relay.Lost(FAILED) from None


def _client(
    transport: messaging.Transport, topic: str, timeout: float | None = None
) -> messaging.RPCClient:
    return messaging.get_rpc_client(
        transport,
        messaging.Target(topic=topic, version=contract.RPC_VERSION),
        timeout=timeout,
        # One try more, for a connection that a restart of the bus has cut.
        retry=1,
    )


def transport(conf: cfg.ConfigOpts, url: str | None = None) -> Any:
    """Return the transport to a bus; by default that of the configuration."""
    return messaging.get_rpc_transport(conf, url)
