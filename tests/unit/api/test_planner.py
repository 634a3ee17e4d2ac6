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
"""The plan that nova-api makes by itself."""

import pytest

from nova_ext import exception
from nova_ext.api import planner
from nova_ext.scaling.contract import Blocker
from tests.unit.api import fakes

DOWN = Blocker(exception.ComputeDown(server='s'), 'bring it back')
BUSY = Blocker(exception.ServerBusy(reason='busy'), 'wait')


@pytest.mark.parametrize(
    'host, blockers, expected',
    [
        ('host1', [], False),
        ('host1', [BUSY], False),
        ('host1', [BUSY, DOWN], True),
        (None, [], True),
    ],
)
def test_unreachable(host, blockers, expected):
    instance = fakes.server(host=host)
    assert planner.unreachable(instance, blockers) is expected


def test_steps_up_and_down():
    instance = fakes.server(system_metadata={'nova_ext_offline': '0x8'})
    assert planner.local(instance, 4, [])['steps'] == [
        {'direction': 'up', 'vcpu': None, 'pcpu': None}
    ]
    assert len(planner.local(instance, 2, [])['steps']) == 1
    assert planner.local(instance, 3, [])['steps'] == []


@pytest.mark.parametrize('target', [1, 5])
def test_limits_are_a_blocker(target):
    plan = planner.local(fakes.server(), target, [])
    assert plan['steps'] == []
    (blocker,) = plan['blockers']
    assert blocker['reason'] == 'When scaling, cannot scale beyond limits!'
    assert blocker['remedy'].startswith('Ask for 2 to 4 online vCPUs')


def test_given_blockers_come_first():
    plan = planner.local(fakes.server(), 5, [BUSY])
    assert plan['blockers'][0] == {'reason': 'busy', 'remedy': 'wait'}
    assert len(plan['blockers']) == 2


def test_no_answer_names_no_host():
    blocker = planner.no_answer(exception.ComputeSilent(server='s'))
    assert 'ComputeSilent' in str(blocker.error)


def test_remedies_that_nova_api_knows_better():
    theirs = [
        {'reason': 'busy', 'remedy': 'do something'},
        {'reason': 'full', 'remedy': 'free a core'},
    ]
    plan = planner.with_remedies({'target': 1, 'blockers': theirs}, [BUSY])
    assert plan == {
        'target': 1,
        'blockers': [
            {'reason': 'busy', 'remedy': 'wait'},
            {'reason': 'full', 'remedy': 'free a core'},
        ],
    }
