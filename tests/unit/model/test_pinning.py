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
"""Pins and parking, for any layout and any order of steps."""

from dataclasses import replace
import pathlib

from hypothesis import given
from hypothesis import strategies
import pytest
import yaml

from nova_ext import exception
from nova_ext.model import pinning
from nova_ext.model.bounds import Bounds
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/guest_choices.yaml'
CHOICES = yaml.safe_load(VECTORS.read_text('utf-8'))


def layout_of(cells, offline=(), realtime=()):
    layout = Layout(
        tuple(
            Cell(node, {vcpu: 10 + vcpu for vcpu in vcpus})
            for node, vcpus in enumerate(cells)
        ),
        realtime=frozenset(realtime),
    )
    for vcpu in offline:
        layout = layout.without(vcpu)
    return layout


@strategies.composite
def layouts(draw):
    """Return an unscaled layout of up to 12 vCPUs in up to 3 cells."""
    sizes = draw(strategies.lists(strategies.integers(1, 4), max_size=3))
    vcpus = draw(strategies.permutations(range(sum(sizes))))
    cells = []
    for size in sizes:
        cells.append([vcpus.pop() for _ in range(size)])
    realtime = draw(strategies.frozensets(strategies.integers(0, 11)))
    return layout_of(cells, realtime=realtime & set(range(sum(sizes))))


@strategies.composite
def scaled(draw):
    """Return a layout after any allowed sequence of steps, and its maximum."""
    layout = draw(layouts())
    maximum = len(layout.vcpus)
    bounds = Bounds(1, maximum)
    free = list(range(100, 130))
    for down in draw(strategies.lists(strategies.booleans(), max_size=16)):
        choices = pinning.candidates(layout, bounds)
        if down and choices:
            vcpu = draw(strategies.sampled_from(choices))
            pinning.check_choice(layout, bounds, vcpu)
            after = layout.without(vcpu)
            free += layout.pcpus - after.pcpus
            layout = after
        elif not down and layout.offline:
            vcpu = draw(strategies.sampled_from(sorted(layout.offline)))
            layout = layout.with_core(vcpu, free.pop(0))
    return layout, maximum


@given(scaled())
def test_any_sequence_of_steps_keeps_the_rules(drawn):
    layout, maximum = drawn
    assert layout.vcpus == set(range(maximum))
    assert layout.online | layout.offline == layout.vcpus
    assert not layout.online & layout.offline
    assert len(layout.pcpus) == len(layout.online)
    assert maximum == 0 or 0 in layout.online
    for cell in layout.cells:
        online = layout.online & cell.pins.keys()
        ordinary = online - layout.realtime
        assert online
        parking = min(ordinary or online)
        assert cell.parking_vcpu(layout.online, layout.realtime) == parking
        for vcpu in layout.offline & cell.pins.keys():
            assert cell.pins[vcpu] == cell.pins[parking]
        assert len({cell.pins[vcpu] for vcpu in online}) == len(online)


@given(scaled())
def test_a_settled_layout_stays_as_it_is(drawn):
    layout, _ = drawn
    assert layout.settled() == layout


@given(scaled(), strategies.data())
def test_a_step_frees_or_takes_one_core(drawn, data):
    layout, maximum = drawn
    bounds = Bounds(1, maximum)
    for vcpu in pinning.candidates(layout, bounds):
        after = layout.without(vcpu)
        assert layout.pcpus - after.pcpus == {layout.pins[vcpu]}
        assert after.pcpus < layout.pcpus
        assert after.offline == layout.offline | {vcpu}
        back = after.with_core(vcpu, layout.pins[vcpu])
        assert back == layout
        assert {**layout.pins, **pinning.moved(layout, after)} == after.pins
    for vcpu in layout.offline:
        after = layout.with_core(vcpu, 999)
        assert after.pcpus - layout.pcpus == {999}
        assert after.pcpus > layout.pcpus
        assert after.pins[vcpu] == 999


@given(scaled(), strategies.data())
def test_settling_explains_pins_without_their_record(drawn, data):
    """A save of the pins whose record was lost, and the other way round."""
    layout, _ = drawn
    lost = data.draw(
        strategies.sets(strategies.sampled_from(sorted(layout.offline)))
        if layout.offline
        else strategies.just(set())
    )
    found = replace(layout, offline=layout.offline - lost).settled()
    assert len(found.pcpus) == len(found.online)
    assert found.pcpus == layout.pcpus
    assert found.settled() == found


def test_settling_prefers_to_park_real_time_vcpus():
    # vCPU 0 is real-time and shares its pCPU with the ordinary vCPU 1.
    layout = Layout((Cell(0, {0: 5, 1: 5, 2: 6}),), realtime=frozenset({0}))
    assert layout.settled().offline == {0}


def test_settling_parks_a_vcpu_that_still_has_a_core():
    layout = Layout((Cell(0, {0: 5, 1: 6}),), frozenset({1}))
    assert layout.settled().pins == {0: 5, 1: 5}


def test_parked_vcpus_follow_the_parking_vcpu():
    layout = layout_of([[0], [1, 2, 3]], offline=[3])
    assert layout.pins == {0: 10, 1: 11, 2: 12, 3: 11}
    assert layout.without(1).pins == {0: 10, 1: 12, 2: 12, 3: 12}
    assert pinning.moved(layout, layout.without(1)) == {1: 12, 3: 12}


def test_vcpus_are_parked_beside_an_ordinary_one():
    layout = layout_of([[0, 1, 2]], realtime=[0, 1]).without(1)
    assert layout.pins == {0: 10, 1: 12, 2: 12}


def test_the_lowest_offline_vcpu_comes_online_next():
    assert pinning.next_online(layout_of([[0, 1, 2, 3]], [3, 1])) == 1


def test_the_highest_vcpu_is_preferred_to_go_offline():
    layout = layout_of([[0, 1, 2], [3]], offline=[2])
    assert pinning.candidates(layout, Bounds(1, 4)) == [1]
    assert pinning.candidates(layout_of([[0, 1, 2]]), Bounds(1, 3)) == [2, 1]
    assert pinning.candidates(layout_of([[0, 1, 2]]), Bounds(3, 3)) == []


@pytest.mark.parametrize('case', CHOICES, ids=lambda case: case['name'])
def test_a_choice_of_the_guest(case):
    layout = layout_of(
        case['cells'], case.get('offline', ()), case.get('realtime', ())
    )
    bounds = Bounds(case.get('minimum', 1), len(layout.vcpus))
    if 'said' not in case:
        pinning.check_choice(layout, bounds, case['choice'])
        assert case['choice'] in pinning.candidates(layout, bounds)
        return
    with pytest.raises(exception.ScalingFailed) as caught:
        pinning.check_choice(layout, bounds, case['choice'])
    assert type(caught.value).__name__ == case['error']
    assert str(caught.value) == case['said']
    assert case['choice'] not in pinning.candidates(layout, bounds)


@pytest.mark.parametrize(
    ('realtime', 'offline', 'wanted'),
    [
        ([], [], {10, 11, 12}),
        ([], [2], {10, 11}),
        ([1, 2], [], {10}),
        ([0], [2], {11}),
        ([0, 1, 2], [], {10}),
        ([0, 2], [1], {10}),
    ],
)
def test_the_emulator_runs_beside_the_ordinary_vcpus(
    realtime, offline, wanted
):
    layout = layout_of([[0, 1, 2]], offline, realtime)
    assert pinning.emulator_pcpus(layout) == wanted


def test_the_emulator_stays_off_real_time_cores_with_parked_vcpus():
    # The ordinary vCPU 1 has only a real-time one in its cell to park at.
    layout = layout_of([[0], [1, 2]], [1], [2])
    assert layout.pins[1] == 12
    assert pinning.emulator_pcpus(layout) == {10}


def test_the_emulator_leaves_what_is_freed():
    layout = layout_of([[0, 1], [2, 3]])
    assert 13 not in pinning.emulator_pcpus(layout.without(3))


def test_parked_are_those_that_share_a_pcpu() -> None:
    cells = [{0: 4, 1: 5, 2: 4}, {3: 8, 4: 8}]
    assert pinning.parked(frozenset({1, 2, 4, 9}), cells) == {2, 4}
    assert pinning.parked(frozenset(), cells) == frozenset()


@pytest.mark.parametrize(
    ('vcpus', 'realtime', 'kept'),
    [
        ({2, 1}, frozenset(), 1),
        ({0, 1, 2}, frozenset({0, 1}), 2),
        ({1, 3}, frozenset({1, 3}), 1),
    ],
)
def test_who_keeps_a_pcpu(vcpus, realtime, kept):
    assert pinning.keeper(vcpus, realtime) == kept
