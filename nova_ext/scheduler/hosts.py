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
"""The seam to ``HostState``: consumers read it, and hear of decisions.

Leans on ``HostState.stats`` (a dict of text), on the fact that Nova makes new
``HostState`` objects for every request
(``HostManager._get_host_states``), and on ``consume_from_request``, which
calls ``self._locked_consume_from_request`` under the host's lock (Nova 31 to
34). The latter is shadowed for single objects, by giving them a subclass of
their class: no class is changed, and it takes a third of the time of an
attribute that refers back to its host.
"""

import functools
import threading

from nova_ext import conf
from nova_ext.consumers import handler as handlers
from nova_ext.scheduler import demand

CONF = conf.CONF

#: Where a host keeps its states, and a request what it asks for.
_STATES = 'nova_ext_states'
_REQUEST = 'nova_ext_request'


class Hosts:
    """The hosts of requests, as the consumers see them."""

    def __init__(self, handler):
        """Use a :class:`handlers.ConsumerHandler`."""
        self._handler = handler
        #: Whether there is any consumer at all.
        self.watched = bool(handler)
        self._watching = functools.lru_cache(maxsize=8)(self._watch)

    def read(self, hosts):
        """Read hosts that have not been read in this request."""
        read = self._handler.read
        for host in hosts:
            # Straight into the dict: this runs for every host there is.
            kept = host.__dict__
            if _STATES not in kept:
                kept[_STATES] = read(host, kept.get('stats') or {})
                host.__class__ = self._watching(host.__class__)

    def request(self, spec):
        """Return what a ``RequestSpec`` asks for, the same all along."""
        found = getattr(spec, _REQUEST, None)
        if found is None:
            found = self._handler.request(demand.usage_of(spec))
            setattr(spec, _REQUEST, found)
        return found

    def fitting(self, hosts, request):
        """Return the hosts that fit, and the others with their refusals."""
        refusal = self._handler.refusal
        fit, refused = [], []
        for host, states in zip(hosts, self._states(hosts), strict=True):
            why = refusal(host, states, request)
            if why is None:
                fit.append(host)
            else:
                refused.append((host, why))
        return fit, refused

    def weigh(self, hosts):
        """Return the weights of the hosts, in their order."""
        return self._handler.weigh(self._states(hosts))

    def _states(self, hosts):
        try:
            return [host.__dict__[_STATES] for host in hosts]
        except KeyError:
            # Without ResourceConsumerFilter in front.
            self.read(hosts)
            return [host.__dict__[_STATES] for host in hosts]

    def _watch(self, kind):
        """Return a subclass of a class of hosts that tells the consumers."""
        consume = self._consume

        class WatchedHostState(kind):
            __slots__ = ()

            def _locked_consume_from_request(self, spec_obj):
                super()._locked_consume_from_request(spec_obj)
                consume(self, spec_obj)

        return WatchedHostState

    def _consume(self, host, spec):
        self._handler.consume(host, host.__dict__[_STATES], self.request(spec))


_lock = threading.Lock()


def shared():
    """Return the one :class:`Hosts` of this process.

    The filters and the weigher are made apart from each other by Nova, and
    are to see the same states.

    :raises exception.PluginError: by ``[nova_ext_plugins]`` the scheduler is
        not to start.
    """
    with _lock:
        return _made(tuple(CONF.scheduler_consumers))


@functools.lru_cache(maxsize=1)
def _made(names):
    return Hosts(handlers.load(names))


def forget():
    """Let the next :func:`shared` load again; for tests."""
    _made.cache_clear()
