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
"""The consumer plug-ins, called for all hosts of a request."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import threading
from typing import Any
from typing import Protocol

from oslo_log import log as logging

from nova_ext import conf
from nova_ext import exception
from nova_ext.consumers.base import Consumer
from nova_ext.consumers.base import Refusal
from nova_ext.model.usage import Usage
from nova_ext.plugins import catalog
from nova_ext.plugins import loading
from nova_ext.plugins.loading import Loaded

LOG = logging.getLogger(__name__)
CONF = conf.CONF


class HostName(Protocol):
    """A host, as messages name it; Nova's ``HostState`` or a test's."""

    host: str
    nodename: str


#: A host's state in each consumer, None where it could not be read.
States = list[Any]


def load(names: Sequence[str]) -> 'ConsumerHandler':
    """Load consumers; see :func:`nova_ext.plugins.loading.load`."""
    # The abstract class is only compared with.
    base: Any = Consumer
    return ConsumerHandler(loading.load(catalog.CONSUMERS, names, base))


@dataclass(frozen=True)
class Request:
    """What one request asks of each consumer.

    :ivar asked: the consumers that it asks for something: their numbers,
        and what is asked.
    :ivar invalid: why no host fits, whatever its state.
    :ivar refuses: whether hosts without information are refused.
    """

    asked: tuple[tuple[int, Consumer[Any, Any], Any], ...]
    invalid: Refusal | None
    refuses: bool


class ConsumerHandler:
    """Calls the consumers in the order of the option.

    An error of a consumer never gets out: for it, the host has no
    information then. Safe in several threads.
    """

    def __init__(self, consumers: Sequence[Loaded[Consumer[Any, Any]]]):
        """Make one object of each consumer."""
        self._names = [each.name for each in consumers]
        self._consumers = [each.kind() for each in consumers]
        self._readers = [each.read for each in self._consumers]
        self._complaints = _Complaints()

    def __bool__(self) -> bool:
        return bool(self._consumers)

    def request(self, usage: Usage) -> Request:
        """Take up what a server asks for."""
        asked = []
        invalid = None
        for number, consumer in enumerate(self._consumers):
            try:
                wanted = consumer.wanted(usage)
            except exception.DemandInvalid as error:
                invalid = invalid or Refusal(
                    error.kwargs['key'],
                    error.kwargs['got'],
                    error.kwargs['wanted'],
                )
            except Exception:
                LOG.exception(
                    'Consumer %s failed to take up a request, and is not '
                    'asked.',
                    self._names[number],
                )
            else:
                if wanted is not None:
                    asked.append((number, consumer, wanted))
        policy = CONF.nova_ext_plugins.on_missing_information
        return Request(tuple(asked), invalid, policy == 'refuse')

    def read(self, host: HostName, stats: Mapping[str, str]) -> States:
        """Read a host.

        :param host: names it in warnings, of which each host gets one.
        """
        try:
            states = [read(stats) for read in self._readers]
        except Exception:
            return self._read_carefully(host, stats)
        if self._complaints:
            self._complaints.settle(host)
        return states

    def refusal(
        self, host: HostName, states: States, request: Request
    ) -> Refusal | None:
        """Return why a host does not fit a request, None if it does."""
        if request.invalid:
            return request.invalid
        for number, consumer, wanted in request.asked:
            state = states[number]
            if state is not None:
                try:
                    refused = consumer.fits(state, wanted)
                except Exception as error:
                    self._complain(host, number, error)
                    states[number] = None
                else:
                    if refused:
                        return refused
                    continue
            if request.refuses:
                return Refusal(self._names[number], 'no information', wanted)
        return None

    def consume(
        self, host: HostName, states: States, request: Request
    ) -> None:
        """Put a decision into a host's states."""
        for number, consumer, wanted in request.asked:
            if states[number] is None:
                continue
            try:
                states[number] = consumer.consume(states[number], wanted)
            except Exception as error:
                self._complain(host, number, error)
                states[number] = None

    def weigh(self, hosts: Sequence[States]) -> list[float]:
        """Return the weights of all hosts that compete.

        Each consumer's weights lie between 0 and 1, times its multiplier; a
        host without information has 0.
        """
        weights = [0.0] * len(hosts)
        # One column a consumer; in one pass, as 10,000 hosts fit no cache.
        columns = zip(*hosts, strict=True)
        for number, column in enumerate(columns):
            consumer = self._consumers[number]
            try:
                multiplier = consumer.weight_multiplier()
                if not multiplier:
                    continue
                weights = _added(weights, column, consumer.weigh, multiplier)
            except Exception:
                LOG.exception(
                    'Consumer %s failed to weigh; its weights count for '
                    'nothing.',
                    self._names[number],
                )
        return weights

    def _read_carefully(
        self, host: HostName, stats: Mapping[str, str]
    ) -> States:
        states: States = []
        for number, read in enumerate(self._readers):
            try:
                states.append(read(stats))
            except Exception as error:
                self._complain(host, number, error)
                states.append(None)
        return states

    def _complain(self, host: HostName, number: int, error: Exception) -> None:
        if not self._complaints.is_new(host):
            return
        policy = CONF.nova_ext_plugins.on_missing_information
        LOG.warning(
            'Host %(host)s: consumer %(consumer)s has no information '
            '(%(error)s: %(text)s); by [nova_ext_plugins]'
            'on_missing_information = %(policy)s it %(outcome)s. Check '
            'compute_resources on that host and that its nova-compute is '
            'upgraded.',
            {
                'host': host.host,
                'consumer': self._names[number],
                'error': type(error).__name__,
                'text': error,
                'policy': policy,
                'outcome': {
                    'pass': 'passes',
                    'refuse': 'is refused where it matters',
                }[policy],
            },
        )


class _Complaints:
    """The hosts that have had their warning, until they are well again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def is_new(self, host: HostName) -> bool:
        name = (host.host, host.nodename)
        with self._lock:
            new = name not in self._hosts
            self._hosts.add(name)
            return new

    def settle(self, host: HostName) -> None:
        with self._lock:
            self._hosts.discard((host.host, host.nodename))


def _added(
    weights: list[float],
    states: Sequence[Any],
    weigh: Callable[[Any], float],
    multiplier: float,
) -> list[float]:
    """Return weights with those of one consumer added."""
    raw = [weigh(state) for state in states if state is not None]
    if not raw:
        return weights
    lowest = min(raw)
    spread = max(raw) - lowest
    if not spread:
        return weights
    factor = multiplier / spread
    if len(raw) < len(states):
        # A host without information has the lowest weight.
        rest = iter(raw)
        raw = [lowest if each is None else next(rest) for each in states]
    return [
        weight + (each - lowest) * factor
        for weight, each in zip(weights, raw, strict=True)
    ]
