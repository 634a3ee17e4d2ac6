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
"""The contract of consumer plug-ins, which run in nova-scheduler."""

import abc
from collections.abc import Mapping
from typing import Generic
from typing import NamedTuple
from typing import TypeVar

from nova_ext.model.usage import Usage
from nova_ext.plugins.base import Plugin

#: What a consumer knows of one host.
State = TypeVar('State')
#: What a request asks of a host.
Wanted = TypeVar('Wanted')


class Refusal(NamedTuple):
    """Why a host does not fit.

    :ivar key: what is short; the key of the stats, if it is one.
    """

    key: str
    got: object
    wanted: object


class Consumer(Plugin, Generic[State, Wanted]):
    """Reads hosts, and mirrors what the scheduler decides.

    One object serves all requests, which come from several threads: what
    belongs to a host is in its state, and the object itself does not change.
    States are immutable. Reading, fitting and weighing run for each of maybe
    10,000 hosts, so they are to take about a microsecond.
    """

    @abc.abstractmethod
    def read(self, stats: Mapping[str, str]) -> State:
        """Return what a host's stats say.

        :raises exception.InformationMissing: a key is not there.
        :raises exception.InformationDamaged: a value is of another kind.
        """

    @abc.abstractmethod
    def wanted(self, usage: Usage) -> Wanted | None:
        """Return what a server asks for, None for nothing.

        Called once a request; with None the hosts are only weighed.

        :param usage: always without ``cells``.
        :raises exception.DemandInvalid: the flavor's extra spec is wrong; no
            host fits then.
        """

    @abc.abstractmethod
    def fits(self, state: State, wanted: Wanted) -> Refusal | None:
        """Return why a host does not fit, None if it does."""

    @abc.abstractmethod
    def consume(self, state: State, wanted: Wanted) -> State:
        """Return a host's state after a server was placed there.

        The same as its compute host will write when it has the server.
        """

    def weigh(self, state: State) -> float:
        """Return how good a host is, in any unit; more is better."""
        return 0.0

    def weight_multiplier(self) -> float:
        """Return how much the weight counts, normally from an option."""
        return 0.0
