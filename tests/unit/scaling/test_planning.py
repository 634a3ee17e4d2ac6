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
"""What a request would do, and every obstacle with its remedy."""

import pathlib

import pytest
import yaml

from nova_ext.model.bounds import Bounds
from nova_ext.model.pinning import Cell
from nova_ext.model.pinning import Layout
from nova_ext.scaling import planning
from nova_ext.scaling.contract import Wish
from nova_ext.scaling.ports import Server

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/scale_plans.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))
UNPINNED = 2


def server(case):
    layout = Layout(
        tuple(
            Cell(node, {vcpu: 10 + vcpu for vcpu in vcpus})
            for node, vcpus in enumerate(case['cells'])
        ),
        realtime=frozenset(case.get('realtime', ())),
    )
    for vcpu in case.get('offline', ()):
        layout = layout.without(vcpu)
    maximum = len(layout.vcpus) or UNPINNED
    minimum = case.get('minimum', 1 if layout.cells else UNPINNED)
    return Server('a-server', 'name', Bounds(minimum, maximum), layout)


def circumstances(case):
    free = case.get('free', [[] for _ in case['cells']])
    ideal = {
        'vm_state': 'active',
        'task_state': None,
        'locked': False,
        'running': True,
        'listening': True,
        'host_picks': False,
        'free_pcpus': lambda node: list(free[node]),
    }
    return planning.Circumstances(**{**ideal, **case.get('now', {})})


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['name'])
def test_a_plan(case):
    plan = planning.make_plan(
        server(case), Wish(**case['wish']), circumstances(case)
    )
    assert [plan.current, plan.target] == case['plan']
    if 'steps' in case:
        assert [
            [step.direction, step.vcpu, step.pcpu] for step in plan.steps
        ] == case['steps']
    wanted = case.get('blockers', [])
    found = [type(blocker.error).__name__ for blocker in plan.blockers]
    assert found == [name for name, _, _ in wanted]
    for blocker, (_, said, remedy) in zip(plan.blockers, wanted, strict=True):
        assert said in str(blocker.error)
        assert remedy in blocker.remedy


def test_an_absurd_target_is_refused_without_planning_its_steps():
    case = {'cells': [[0, 1]]}
    plan = planning.make_plan(
        server(case), Wish(target=-(10**12)), circumstances(case)
    )
    assert len(plan.steps) <= 2
    assert [type(blocker.error).__name__ for blocker in plan.blockers] == [
        'CannotScaleBeyondLimits'
    ]


def test_a_plan_leaves_the_lists_of_free_pcpus_alone():
    case = {'cells': [[0, 1]], 'offline': [1], 'free': [[20, 21]]}
    now = circumstances(case)
    first = planning.make_plan(server(case), Wish('up'), now)
    assert planning.make_plan(server(case), Wish('up'), now) == first
