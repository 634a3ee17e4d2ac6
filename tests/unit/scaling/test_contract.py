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
"""What crosses the message bus: plain data that JSON can carry."""

import json

import pytest

from nova_ext import exception
from nova_ext.model.record import LastRequest
from nova_ext.scaling import contract

LAST = LastRequest('req-1', 'down', 1, 1, 'done', '', '2026-01-01T00:00:00Z')


@pytest.mark.parametrize(
    ('wish', 'online', 'target'),
    [
        (contract.Wish('up'), 2, 3),
        (contract.Wish('down'), 2, 1),
        (contract.Wish(target=4), 2, 4),
        (contract.Wish(target=0), 2, 0),
    ],
)
def test_a_wish_has_a_target(wish, online, target):
    assert wish.target_from(online) == target


@pytest.mark.parametrize(
    ('current', 'target', 'direction'),
    [(2, 1, 'down'), (1, 2, 'up'), (1, 1, 'down')],
)
def test_a_plan_has_a_direction(current, target, direction):
    plan = contract.Plan(current, target, (), ())
    assert plan.direction == direction


def test_the_answer_of_a_request():
    answer = contract.answer_request(LAST)
    assert json.loads(json.dumps(answer)) == {
        'last_request': {
            'request_id': 'req-1',
            'direction': 'down',
            'target': 1,
            'reached': 1,
            'state': 'done',
            'reason': '',
            'updated_at': '2026-01-01T00:00:00Z',
        }
    }


def test_the_answer_of_a_plan():
    plan = contract.Plan(
        1,
        3,
        (
            contract.PlannedStep('up', 1, 7),
            contract.PlannedStep('up', 2),
        ),
        (contract.Blocker(exception.CannotScaleBeyondLimits(), 'Ask less.'),),
    )
    assert json.loads(json.dumps(contract.answer_plan(plan))) == {
        'plan': {
            'current': 1,
            'target': 3,
            'steps': [
                {'direction': 'up', 'vcpu': 1, 'pcpu': 7},
                {'direction': 'up', 'vcpu': 2, 'pcpu': None},
            ],
            'blockers': [
                {
                    'reason': 'When scaling, cannot scale beyond limits!',
                    'remedy': 'Ask less.',
                }
            ],
        }
    }


def test_the_answer_of_an_error():
    error = exception.ServerBusy(reason='busy')
    assert contract.answer_error(error) == {
        'error': {'code': 409, 'message': 'busy'}
    }
