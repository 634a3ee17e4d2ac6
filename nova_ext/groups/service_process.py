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
"""The program nova-ext-groups, put together of its parts."""

from typing import Any

from oslo_config import cfg
import oslo_messaging as messaging

from nova_ext.conf import groups as conf_module
from nova_ext.groups import bus
from nova_ext.groups import directory as directory_module
from nova_ext.groups import endpoints
from nova_ext.groups import metrics as metrics_module
from nova_ext.groups import ports
from nova_ext.groups import process as process_module
from nova_ext.groups import service as service_module

#: A server that does not exist, to see whether the records can be read.
_NOBODY = '00000000-0000-0000-0000-000000000000'


class ServiceProcess:
    """One copy of nova-ext-groups, on the message bus of every cell.

    :param conf: has Nova's options and ours.
    :param host: names this copy; no two copies have the same name.
    :param buses: the URL of each cell's message bus.
    :ivar registry: the counters.
    :ivar process: how it runs.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        host: str,
        membership: ports.Membership,
        buses: dict[str, str],
    ) -> None:
        self._metrics = metrics_module.ServiceMetrics()
        self.registry = self._metrics.registry
        self._conf = conf
        self._options = conf[conf_module.GROUP]
        self._host = host
        self._membership = membership
        home = _normal(conf, None)
        self._urls = {cell: _normal(conf, url) for cell, url in buses.items()}
        self._transports = {
            url: bus.transport(conf, url)
            for url in {home, *self._urls.values()}
        }
        self._home = self._transports[home]
        self.process = process_module.Process(
            {
                'message bus': self._check_buses,
                "Nova's records": self._check_records,
            },
            self._options.check_interval,
        )

    def run(self) -> None:
        """Serve until the process is stopped."""
        self.process.run(self._start)

    def _start(self) -> None:
        options = self._options
        directory = directory_module.Directory(
            self._membership, options.cache_size, options.cache_lifetime
        )
        service = self._service(directory)
        endpoint = endpoints.ServiceEndpoint(
            service, directory, self._metrics, options.message_lifetime
        )
        for transport in self._transports.values():
            self.process.add(
                bus.serve(
                    transport,
                    options.topic,
                    self._host,
                    endpoint,
                    options.workers,
                )
            )
        listener = endpoints.NotificationEndpoint(
            service, self._metrics, options.notification_lifetime
        )
        for transport in self._notification_transports():
            self.process.add(
                bus.listen(
                    transport,
                    options.notification_topics,
                    options.notification_pool,
                    listener,
                )
            )

    def _service(
        self, directory: directory_module.Directory
    ) -> service_module.Service:
        options = self._options
        relays = {
            cell: self._transports[url] for cell, url in self._urls.items()
        }
        return service_module.Service(
            self._membership,
            directory,
            bus.Courier(relays, self._home, options.topic, directory),
            service_module.Settings(
                show_internals=options.show_host_internals,
                rate=options.group_delivery_rate,
                share=options.workers // 2,
                groups=options.cache_size,
            ),
            self._metrics,
        )

    def _notification_transports(self) -> list[Any]:
        """Nova's programs send where their cell's nova.conf says, or all to
        one bus if ``[oslo_messaging_notifications]transport_url`` names it."""
        first = messaging.get_notification_transport(self._conf)
        if self._conf.oslo_messaging_notifications.transport_url:
            return [first]
        return [
            messaging.get_notification_transport(self._conf, url=url)
            for url in self._transports
        ]

    def _check_buses(self) -> str | None:
        """Return which bus does not bring a message back to us."""
        for transport in self._transports.values():
            problem = bus.Asker(
                transport,
                self._options.topic,
                self._host,
                self._options.request_timeout,
                self._options.message_lifetime,
            ).check(self._host)
            if problem:
                return problem
        return None

    def _check_records(self) -> str | None:
        try:
            self._membership.group_of(_NOBODY)
        except ports.MembershipUnknown as error:
            return str(error)
        return None


def _normal(conf: cfg.ConfigOpts, url: str | None) -> str:
    return str(messaging.TransportURL.parse(conf, url))
