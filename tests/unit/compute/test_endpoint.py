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
"""What the API gets of a compute host: dicts, whatever happens."""

import logging

import pytest

from nova_ext import exception
from nova_ext.compute import endpoint
from nova_ext.model.record import LastRequest
from nova_ext.scaling import contract
from tests.unit.compute import fakes

LAST = LastRequest('req-1', 'down', 1, 1, 'done', '', '2026-01-01T00:00:00Z')
PLAN = contract.Plan(2, 1, (contract.PlannedStep('down'),), ())


class Scaler:
    def __init__(self):
        self.calls = []
        self.error = None

    def scale(self, context, uuid, wish, wait):
        return self._answer(LAST, 'scale', uuid, wish, wait)

    def plan(self, context, uuid, wish):
        return self._answer(PLAN, 'plan', uuid, wish)

    def _answer(self, answer, *call):
        self.calls.append(call)
        if self.error:
            raise self.error
        return answer


@pytest.fixture
def scaler():
    return Scaler()


@pytest.mark.parametrize('wait', [True, False])
def test_a_request(scaler, wait):
    answer = endpoint.ScalingEndpoint(scaler).scale(
        fakes.user(), fakes.instance(), 'down', None, wait
    )
    assert answer == contract.answer_request(LAST)
    wish = contract.Wish('down', None)
    assert scaler.calls == [('scale', fakes.UUID, wish, wait)]


def test_a_plan(scaler):
    answer = endpoint.ScalingEndpoint(scaler).plan(
        fakes.user(), fakes.instance(), None, 1
    )
    assert answer == contract.answer_plan(PLAN)
    assert scaler.calls == [('plan', fakes.UUID, contract.Wish(None, 1))]


@pytest.mark.parametrize('method', ['scale', 'plan'])
def test_a_refusal_is_an_answer(scaler, method):
    scaler.error = exception.CannotScaleBeyondLimits()
    more = (True,) if method == 'scale' else ()
    answer = getattr(endpoint.ScalingEndpoint(scaler), method)(
        fakes.user(), fakes.instance(), 'up', None, *more
    )
    assert answer == {
        'error': {
            'code': 400,
            'message': 'When scaling, cannot scale beyond limits!',
        }
    }


def test_what_nobody_thought_of_is_an_answer_too(scaler, caplog):
    scaler.error = RuntimeError('boom')
    with caplog.at_level(logging.ERROR):
        answer = endpoint.ScalingEndpoint(scaler).scale(
            fakes.user(), fakes.instance(), 'up', None, True
        )
    assert answer['error']['code'] >= 400
    assert 'RuntimeError' in answer['error']['message']
    assert 'boom' not in answer['error']['message']
    assert 'boom' in caplog.text
    assert 'Server %s: scale request failed.' % fakes.UUID in caplog.text


def test_the_version_is_that_of_the_contract():
    target = endpoint.ScalingEndpoint.target
    assert target.version == contract.RPC_VERSION
