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
"""The trait by which the scheduler finds real-time hosts."""

from dataclasses import dataclass
from typing import Protocol

from nova_ext import exception

TRAIT = 'CUSTOM_REALTIME_HOST'

#: nova-compute writes traits of the same provider; the later one tries again.
_ATTEMPTS = 5


class Conflict(Exception):
    """The provider was changed since it was read."""


@dataclass(frozen=True)
class Traits:
    """The traits of a provider at one of its generations."""

    names: frozenset[str]
    generation: int


class Provider(Protocol):
    """Port: a resource provider of the placement service.

    All raise ``HostTraitFailed`` when the service does not do its part.
    """

    def traits(self) -> Traits:
        """Read the traits."""

    def create_trait(self, name: str) -> None:
        """Make the service know a trait; it may know it already."""

    def set_traits(self, traits: Traits) -> None:
        """Replace the traits.

        :raises Conflict: the provider has another generation.
        """


@dataclass(frozen=True)
class Change:
    """Whether the provider had the trait, and whether it has it now."""

    before: bool
    after: bool


def update(provider: Provider, wanted: bool) -> Change:
    """Give the trait to a provider, or take it away; others stay.

    :raises exception.HostTraitFailed: it is as it was.
    """
    created = False
    for _ in range(_ATTEMPTS):
        found = provider.traits()
        before = TRAIT in found.names
        if before == wanted:
            return Change(before, wanted)
        if wanted and not created:
            provider.create_trait(TRAIT)
            created = True
        names = found.names | {TRAIT} if wanted else found.names - {TRAIT}
        try:
            provider.set_traits(Traits(names, found.generation))
        except Conflict:
            continue
        return Change(before, wanted)
    raise exception.HostTraitFailed(
        reason='others changed the resource provider each of %d times: run '
        'this again' % _ATTEMPTS
    )
