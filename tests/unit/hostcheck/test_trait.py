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
"""The trait follows the checks, and leaves the other traits alone."""

import pytest

from nova_ext import exception
from nova_ext.hostcheck import trait

OTHER = 'HW_CPU_X86_VMX'


class FakeProvider:
    """A provider that others change ``conflicts`` times meanwhile."""

    def __init__(self, *names: str, conflicts: int = 0) -> None:
        self.names = frozenset(names)
        self.generation = 3
        self.created: list[str] = []
        self.writes = 0
        self._conflicts = conflicts

    def traits(self) -> trait.Traits:
        return trait.Traits(self.names, self.generation)

    def create_trait(self, name: str) -> None:
        self.created.append(name)

    def set_traits(self, traits: trait.Traits) -> None:
        self.writes += 1
        if self._conflicts:
            self._conflicts -= 1
            self.generation += 1
            raise trait.Conflict
        assert traits.generation == self.generation
        assert not traits.names - self.names or self.created
        self.names = traits.names


def test_given() -> None:
    provider = FakeProvider(OTHER)
    assert trait.update(provider, True) == trait.Change(False, True)
    assert provider.names == {OTHER, trait.TRAIT}
    assert provider.created == [trait.TRAIT]


def test_taken_away() -> None:
    provider = FakeProvider(OTHER, trait.TRAIT)
    assert trait.update(provider, False) == trait.Change(True, False)
    assert provider.names == {OTHER}
    assert provider.created == []


@pytest.mark.parametrize(
    'names, wanted', [((OTHER,), False), ((trait.TRAIT,), True)]
)
def test_nothing_to_do(names: tuple[str, ...], wanted: bool) -> None:
    provider = FakeProvider(*names)
    assert trait.update(provider, wanted) == trait.Change(wanted, wanted)
    assert provider.writes == 0


def test_others_change_the_provider() -> None:
    provider = FakeProvider(OTHER, conflicts=4)
    assert trait.update(provider, True) == trait.Change(False, True)
    assert provider.names == {OTHER, trait.TRAIT}
    assert provider.created == [trait.TRAIT]


def test_others_always_change_the_provider() -> None:
    provider = FakeProvider(OTHER, conflicts=99)
    with pytest.raises(exception.HostTraitFailed, match='run this again'):
        trait.update(provider, True)
    assert provider.names == {OTHER}
