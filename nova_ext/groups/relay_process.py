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
"""The program nova-ext-groups-relay, put together of its parts."""

from collections.abc import Callable

from oslo_config import cfg

from nova_ext.channel import client
from nova_ext.channel import listener
from nova_ext.conf import channel as channel_conf
from nova_ext.conf import groups as conf_module
from nova_ext.groups import bus
from nova_ext.groups import contract
from nova_ext.groups import endpoints
from nova_ext.groups import metrics as metrics_module
from nova_ext.groups import process as process_module
from nova_ext.groups import relay as relay_module
from nova_ext.groups import relay_queue
from nova_ext.wire import server_group

CHANNEL = 'guest channel'


class RelayProcess:
    """nova-ext-groups-relay of one compute host.

    :param conf: has oslo.messaging's options and ours.
    :param host: the compute host's name, as in Nova's records.
    :ivar registry: the counters.
    :ivar process: how it runs.
    """

    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        options = conf[conf_module.GROUP]
        self._metrics = metrics_module.RelayMetrics()
        self.registry = self._metrics.registry
        self._options = options
        self._host = host
        self._socket = conf[channel_conf.GROUP].local_socket
        self._transport = bus.transport(conf)
        self._asker = bus.Asker(
            self._transport,
            options.topic,
            host,
            options.request_timeout,
            options.message_lifetime,
        )
        self._relay = relay_module.Relay(
            relay_queue.RelayQueue(
                options.guest_message_rate, options.guest_queue_messages
            ),
            self._asker,
            self._metrics,
            options.relay_workers,
        )
        self.process = process_module.Process(
            {'nova-ext-groups': self._asker.check},
            options.check_interval,
            CHANNEL,
        )

    def run(self) -> None:
        """Serve until the process is stopped."""
        self.process.run(self._start)

    def _start(self) -> None:
        # First the guests, who need not wait for the message bus: what they
        # send that is wrong is answered here.
        self._relay.start(self._link)
        self.process.add(_Ending(self._relay.close))
        self.process.add(
            bus.serve(
                self._transport,
                self._options.topic + contract.RELAY_SUFFIX,
                self._host,
                endpoints.RelayEndpoint(
                    self._relay, self._metrics, self._options.message_lifetime
                ),
                # One thread, so that messages keep their order.
                1,
            )
        )

    def _link(
        self, hear: Callable[[client.Received], None]
    ) -> listener.Listener:
        return listener.Listener(
            self._socket,
            server_group.ADDRESS,
            hear,
            lambda problem: self.process.health.report(CHANNEL, problem),
            self._metrics.lost,
        )


class _Ending:
    """Something that is closed, as `process.Process.add` wants it."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.stop = close

    def wait(self) -> None:
        """Nothing is left to wait for."""
