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
"""Where oslo.messaging hands over what has come."""

from collections.abc import Callable
import datetime
from typing import Any

from oslo_log import log as logging
import oslo_messaging as messaging

from nova_ext.channel import limits
from nova_ext.groups import contract
from nova_ext.groups import directory as directory_module
from nova_ext.groups import events
from nova_ext.groups import metrics as metrics_module
from nova_ext.groups import ports
from nova_ext.groups import relay as relay_module
from nova_ext.groups import service as service_module

LOG = logging.getLogger(__name__)

UNREADABLE = "Nova's records unreadable"


class ServiceEndpoint:
    """What relays and other copies call; see `contract`."""

    target = messaging.Target(version=contract.RPC_VERSION)

    def __init__(
        self,
        service: service_module.Service,
        directory: directory_module.Directory,
        metrics: metrics_module.ServiceMetrics,
        lifetime: float,
    ) -> None:
        self._service = service
        self._directory = directory
        self._metrics = metrics
        self._lifetime = lifetime
        # Guests decide how often.
        self._gate = limits.LogGate()

    def broadcast(
        self, context: Any, host: str, instance: str, text: str, sent: float
    ) -> list[Any]:
        """Pass a guest's text on to its peers."""
        return self._answer(
            sent, lambda: self._service.broadcast(host, instance, text)
        )

    def status_query(
        self, context: Any, host: str, instance: str, seq: int, sent: float
    ) -> list[Any]:
        """Answer a guest that asks for the status of its group."""
        return self._answer(
            sent, lambda: self._service.status_query(host, instance, seq)
        )

    def ping(self, context: Any) -> bool:
        """Answer at once."""
        return True

    def forget(
        self, context: Any, servers: list[str], groups: list[str]
    ) -> None:
        """Read anew what another copy knows to have changed."""
        self._directory.forget(contract.Changed(tuple(servers), tuple(groups)))

    def _answer(
        self, sent: float, work: Callable[[], list[contract.Delivery]]
    ) -> list[Any]:
        if contract.is_stale(sent, self._lifetime):
            self._metrics.lost('stale')
            return []
        try:
            return contract.pack(work())
        except ports.MembershipUnknown as error:
            if log := self._gate.admit_to(LOG):
                log.warning('%s: %s', UNREADABLE, error)
            self._metrics.lost(UNREADABLE)
            return []
        except Exception:
            if log := self._gate.admit_to(LOG):
                log.exception('Could not handle a message of a guest')
            self._metrics.lost('error')
            # Of this kind oslo.messaging logs no more of its own.
            raise messaging.ExpectedException() from None


class NotificationEndpoint:
    """Hears what happens to servers and groups, of whatever priority."""

    def __init__(
        self,
        service: service_module.Service,
        metrics: metrics_module.ServiceMetrics,
        lifetime: float,
    ) -> None:
        self._service = service
        self._metrics = metrics
        self._lifetime = lifetime
        self._gate = limits.LogGate()

    def info(
        self,
        context: Any,
        publisher_id: str,
        event_type: str,
        payload: Any,
        metadata: dict[str, Any],
    ) -> None:
        """Tell the guests that are concerned; never fails."""
        timestamp = str(metadata.get('timestamp', ''))
        try:
            event = events.parse(event_type, payload, timestamp)
            if isinstance(event, events.GroupEvent):
                self._service.group_event(event)
            elif event is not None:
                self._service.event(event, self._is_stale(timestamp))
        except ports.MembershipUnknown as error:
            if log := self._gate.admit_to(LOG):
                log.warning('%s: %s', UNREADABLE, error)
            self._metrics.lost(UNREADABLE)
        except Exception:
            if log := self._gate.admit_to(LOG):
                log.exception('Could not handle %s', event_type)
            self._metrics.lost('error')

    # Errors, which have a priority of their own, are news too.
    error = info

    def _is_stale(self, timestamp: str) -> bool:
        try:
            at = datetime.datetime.fromisoformat(timestamp.rstrip('Z'))
        except ValueError:
            return False
        sent = at.replace(tzinfo=datetime.timezone.utc).timestamp()
        return contract.is_stale(sent, self._lifetime)


class RelayEndpoint:
    """What the service casts to the relay of a host."""

    target = messaging.Target(version=contract.RPC_VERSION)

    def __init__(
        self,
        relay: relay_module.Relay,
        metrics: metrics_module.RelayMetrics,
        lifetime: float,
    ) -> None:
        self._relay = relay
        self._metrics = metrics
        self._lifetime = lifetime

    def deliver(
        self, context: Any, deliveries: list[Any], sent: float
    ) -> None:
        """Give messages to guests of this host."""
        unpacked = contract.unpack(deliveries)
        if contract.is_stale(sent, self._lifetime):
            guests = sum(len(one.names) for one in unpacked)
            self._metrics.lost('stale', guests)
        else:
            self._relay.deliver(unpacked)
