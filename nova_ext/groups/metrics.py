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
"""What the service and the relay count, for Prometheus."""

import prometheus_client


class ServiceMetrics:
    """The counters of nova-ext-groups.

    :ivar registry: where they are, with nothing else.
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._handled = prometheus_client.Counter(
            'nova_ext_groups_handled',
            'Broadcasts, status queries and notifications that were handled.',
            ['kind'],
            registry=self.registry,
        )
        self._sent = prometheus_client.Counter(
            'nova_ext_groups_sent',
            'Messages for guests that were given to relays, one a guest.',
            ['kind'],
            registry=self.registry,
        )
        self._lost = prometheus_client.Counter(
            'nova_ext_groups_lost',
            'Messages that were lost or refused, by reason; for guests, one '
            'a guest.',
            ['reason'],
            registry=self.registry,
        )

    def handled(self, kind: str) -> None:
        """Count something that came in and was not lost."""
        self._handled.labels(kind).inc()

    def sent(self, kind: str, guests: int) -> None:
        """Count messages for so many guests."""
        self._sent.labels(kind).inc(guests)

    def lost(self, reason: str, messages: int = 1) -> None:
        """Count messages that nobody gets."""
        self._lost.labels(reason).inc(messages)


class RelayMetrics:
    """The counters of nova-ext-groups-relay.

    :ivar registry: where they are, with nothing else.
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._received = prometheus_client.Counter(
            'nova_ext_groups_relay_received',
            "Guests' messages that came, by type.",
            ['kind'],
            registry=self.registry,
        )
        self._delivered = prometheus_client.Counter(
            'nova_ext_groups_relay_delivered',
            'Messages for guests that were given to the guest channel.',
            registry=self.registry,
        )
        self._nacked = prometheus_client.Counter(
            'nova_ext_groups_relay_nacked',
            "Guests' messages that were answered with a nack.",
            registry=self.registry,
        )
        self._lost = prometheus_client.Counter(
            'nova_ext_groups_relay_lost',
            'Messages that were lost, by reason, in both directions.',
            ['reason'],
            registry=self.registry,
        )

    def received(self, kind: str) -> None:
        """Count a guest's message."""
        self._received.labels(kind).inc()

    def delivered(self) -> None:
        """Count a message for a guest."""
        self._delivered.inc()

    def nacked(self) -> None:
        """Count a refusal."""
        self._nacked.inc()

    def lost(self, reason: str, messages: int = 1) -> None:
        """Count messages that nobody gets."""
        self._lost.labels(reason).inc(messages)
