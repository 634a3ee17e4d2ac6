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
"""The REST API through the compute proxy."""

from osc_lib import exceptions
import pytest

from nova_ext.client import api
from tests.unit.client import fakes

URL = '/servers/%s/vcpu-scale' % fakes.SERVER


def scale(
    *answers: fakes.Response,
) -> tuple[api.VcpuScale, fakes.Compute, list[float]]:
    compute = fakes.Compute(*answers)
    slept: list[float] = []
    return api.VcpuScale(compute, fakes.SERVER, slept.append), compute, slept


def test_show() -> None:
    resource, compute, _ = scale(fakes.shown())
    assert resource.show()['online'] == [0, 2, 3]
    assert compute.asked == [('GET', URL)]


def test_step() -> None:
    resource, compute, _ = scale(fakes.Response(202, ''))
    resource.step('up')
    assert compute.asked == [
        (
            'POST',
            '/servers/%s/action' % fakes.SERVER,
            {'wrs-res:scale': {'direction': 'up', 'resource': 'cpu'}},
        )
    ]


def test_scale() -> None:
    resource, compute, _ = scale(fakes.shown(fakes.last('in progress')))
    assert resource.scale(3)['last_request']['state'] == 'in progress'
    assert compute.asked == [('PUT', URL, {'vcpu_scale': {'online': 3}})]


def test_plan() -> None:
    plan = {'current': 3, 'target': 4, 'steps': [], 'blockers': []}
    answer = fakes.Response(200, {'vcpu_scale': {'dry_run': plan}})
    resource, compute, _ = scale(answer)
    assert resource.plan(4) == plan
    assert compute.asked[0][1] == URL + '?dry_run=true'


@pytest.mark.parametrize(
    'answer, text',
    [
        (
            fakes.fault(400, 'When scaling, cannot scale beyond limits!'),
            'When scaling, cannot scale beyond limits! (HTTP 400)',
        ),
        (fakes.fault(409, 'Instance x is locked'), 'is locked (HTTP 409)'),
        (
            fakes.Response(502, '<html>', 'Bad Gateway'),
            'Bad Gateway (HTTP 502)',
        ),
        (fakes.Response(500, []), 'no reason was given (HTTP 500)'),
        (fakes.Response(500, {'a': 1}), 'no reason was given (HTTP 500)'),
        (fakes.Response(500, {}), 'no reason was given (HTTP 500)'),
    ],
)
def test_refusal(answer: fakes.Response, text: str) -> None:
    for call in (
        lambda r: r.step('up'),
        lambda r: r.scale(3),
        lambda r: r.plan(3),
        lambda r: r.show(),
    ):
        resource, _, _ = scale(answer)
        with pytest.raises(exceptions.CommandError) as caught:
            call(resource)
        assert str(caught.value).endswith(text)


def test_wait() -> None:
    running = fakes.shown(fakes.last('in progress')).json()['vcpu_scale']
    resource, compute, slept = scale(
        fakes.shown(fakes.last('in progress')), fakes.shown(fakes.last())
    )
    assert resource.wait(running)['last_request']['state'] == 'done'
    assert slept == [api.POLL_SECONDS] * 2
    assert compute.asked == [('GET', URL)] * 2


def test_wait_for_what_is_done_already() -> None:
    resource, compute, slept = scale()
    done = fakes.shown(fakes.last()).json()['vcpu_scale']
    assert resource.wait(done) is done
    assert (compute.asked, slept) == ([], [])


@pytest.mark.parametrize('state', ['failed', 'refused'])
def test_wait_for_a_failure(state: str) -> None:
    ended = fakes.last(state, reached=4, reason='The guest was silent')
    resource, _, _ = scale(fakes.shown(ended))
    running = fakes.shown(fakes.last('in progress')).json()['vcpu_scale']
    with pytest.raises(exceptions.CommandError) as caught:
        resource.wait(running)
    assert str(caught.value) == (
        'The scale request %s at 4 online vCPUs (3 were asked for): '
        'The guest was silent' % state
    )


@pytest.mark.parametrize('state', ['in progress', 'done'])
def test_wait_while_another_request_follows(state: str) -> None:
    other = fakes.last(state, request_id='req-2')
    resource, _, _ = scale(fakes.shown(other))
    running = fakes.shown(fakes.last('in progress')).json()['vcpu_scale']
    with pytest.raises(exceptions.CommandError, match='has followed this one'):
        resource.wait(running)
