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
"""The time of each port is counted, whatever its calls come to."""

import re
import time

import pytest

from nova_ext import exception
from nova_ext.scaling import timing
from tests.unit.scaling import fakes


def test_each_port_is_counted_under_its_name() -> None:
    world = fakes.World([{0: 0, 1: 1}])
    spent = timing.Spent()
    ports = timing.timed(world.ports, spent)
    assert ports.guest.take_offline('instance', 1.0) == 1
    ports.domain.pin_vcpus({1: 0})
    ports.domain.pin_vcpus({1: 1})
    assert world.effects == ['guest off', 'pin', 'pin']
    shape = r'guest \d+\.\d, domain \d+\.\d, all \d+\.\d'
    assert re.fullmatch(shape, str(spent))


def test_a_call_that_fails_is_counted_and_fails() -> None:
    world = fakes.World([{0: 0, 1: 1}])
    world.silent = True
    spent = timing.Spent()
    ports = timing.timed(world.ports, spent)
    with pytest.raises(exception.GuestSilent):
        ports.guest.take_offline('instance', 1.0)
    assert str(spent).startswith('guest ')


def test_calls_of_a_port_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, 'monotonic', lambda: clock[0])
    spent = timing.Spent()
    spent.add('guest', 0.01)
    spent.add('store', 0.002)
    spent.add('guest', 0.0305)
    clock[0] += 0.05
    assert str(spent) == 'guest 40.5, store 2.0, all 50.0'
