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
"""A parked vCPU that runs is found, and none that does not."""

import pytest

from nova_ext.scaling import strays
from nova_ext.scaling.strays import Look

SECOND = 10**9
MINUTE = 60.0


@pytest.fixture
def detector():
    return strays.Detector()


def see(detector, minute, times, period='a'):
    return detector.see('s', Look(period, minute * MINUTE, times))


def test_one_that_runs_on_is_found_in_the_third_look(detector):
    assert see(detector, 0, {1: 0, 2: 5}) is None
    assert see(detector, 1, {1: SECOND, 2: 5}) is None
    assert see(detector, 2, {1: 2 * SECOND, 2: 5}) == {1}
    assert see(detector, 3, {1: 3 * SECOND, 2: 5}) == {1}
    assert see(detector, 4, {1: 3 * SECOND, 2: 5}) == frozenset()


def test_one_that_idles_in_the_guest_is_found_too(detector):
    """0.2 percent is what an idle Debian's timers cost; seen in the lab."""
    idle = int(MINUTE * SECOND * 0.002)
    for minute in range(2):
        assert see(detector, minute, {1: minute * idle}) is None
    assert see(detector, 2, {1: 2 * idle}) == {1}


def test_what_ends_with_the_boot_is_none(detector):
    assert see(detector, 0, {1: 3 * SECOND}) is None
    assert see(detector, 1, {1: 4 * SECOND}) is None
    assert see(detector, 2, {1: 4 * SECOND}) == frozenset()


def test_a_kick_now_and_then_is_none(detector):
    for minute in range(5):
        found = see(detector, minute, {1: minute * SECOND // 1000})
        assert found == (frozenset() if minute else None)


def test_times_of_another_period_say_nothing(detector):
    see(detector, 0, {1: 0})
    see(detector, 1, {1: SECOND})
    assert see(detector, 2, {1: 2 * SECOND}, 'b') is None
    assert see(detector, 3, {1: 3 * SECOND}, 'b') is None
    assert see(detector, 4, {1: 4 * SECOND}, 'b') == {1}


def test_looks_too_close_together_are_one(detector):
    see(detector, 0, {1: 0})
    assert see(detector, 0.1, {1: SECOND}) is None
    assert see(detector, 1, {1: SECOND}) is None
    assert see(detector, 2, {1: SECOND}) == frozenset()


def test_another_vcpu_starts_anew(detector):
    see(detector, 0, {1: 0, 2: 0})
    see(detector, 1, {1: SECOND, 2: 0})
    assert see(detector, 2, {1: SECOND, 2: SECOND}) is None
    assert see(detector, 3, {1: SECOND, 2: 2 * SECOND}) == {2}


def test_servers_that_left_are_forgotten(detector):
    see(detector, 0, {1: 0})
    detector.keep({'s'})
    assert see(detector, 1, {1: 0}) == frozenset()
    detector.keep(set())
    assert see(detector, 2, {1: 0}) is None
