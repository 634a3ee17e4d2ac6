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
"""A guest is told which vCPUs are parked, and only that changes."""

import pytest

from nova_ext import exception
from nova_ext.scaling import telling
from tests.unit.scaling import fakes


@pytest.fixture
def world():
    """Four vCPUs, of which the guest runs all and 1 and 3 are parked."""
    found = fakes.World([{0: 10, 1: 11, 2: 12, 3: 13}])
    record, layout = found.saved
    found.saved = record, layout.without(1).without(3)
    found.online = {0, 1, 2, 3}
    return found


@pytest.fixture
def told(world):
    _, layout = world.saved
    return telling.Telling(fakes.NAME, layout, fakes.Guest(world), 1.0)


class OldAgent(fakes.Guest):
    """Does not know the hint."""

    def take_offline(self, name, timeout, vcpu=None):
        return super().take_offline(name, timeout)


def test_parked_vcpus_go_offline(world, told):
    told.take_offline({1, 3})
    assert (world.online, told.confirmed) == ({0, 2}, {1, 3})


def test_one_that_is_online_by_right_is_never_asked_for(world, told):
    told.take_offline({2})
    assert (world.effects, told.confirmed) == ([], set())


def test_an_old_agent_that_chooses_a_parked_one(world, told):
    told._guest = OldAgent(world)
    told.take_offline({1})
    assert (world.online, told.confirmed) == ({0, 1, 2}, {3})


def test_what_an_old_agent_chose_wrongly_is_brought_back(world, told):
    told._guest = OldAgent(world)
    world.online = {0, 1, 2}
    told.take_offline({1})
    assert (world.online, told.confirmed) == ({0, 1, 2}, set())
    assert world.effects == ['guest off', 'guest on']


def test_a_refusal_ends_it(world, told, caplog):
    world.refuses = 'no'
    told.take_offline({1, 3})
    assert told.confirmed == set()
    assert caplog.text.count('and refused: ') == 1


def test_silence_is_the_callers(world, told):
    world.silent = True
    with pytest.raises(exception.GuestSilent):
        told.take_offline({1, 3})
    assert told.confirmed == set()
