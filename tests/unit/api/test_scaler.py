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
"""Errors as HTTP, and the order of what is done for a request."""

from unittest import mock

from nova import objects
import pytest
from webob import exc

from nova_ext import exception
from nova_ext.api import scaler
from nova_ext.conf import CONF
from nova_ext.model import record
from tests.unit.api import fakes


@pytest.mark.parametrize(
    'error, code',
    [
        (exception.CannotScaleBeyondLimits(), 400),
        (exception.ServerBusy(reason='busy'), 409),
        (exception.ComputeDown(server='s'), 503),
        (exception.ComputeSilent(server='s'), 503),
        # Never 500: the request is well-formed, the host is not well.
        (exception.NovaExtError(), 503),
    ],
)
def test_to_http(error, code):
    found = scaler.to_http(error)
    assert found.status_int == code
    assert found.explanation == str(error)


def test_the_first_blocker_is_the_answer(cloud):
    cloud.server.locked = True
    cloud.server.vm_state = 'paused'
    with pytest.raises(exc.HTTPConflict, match='is locked'):
        scaler.Scaler().scale(fakes.user(), cloud.server, direction='up')
    assert (cloud.actions, cloud.calls) == ([], [])


def test_the_action_is_recorded_before_the_host_is_asked(cloud, monkeypatch):
    def scale(*args, **kwargs):
        assert cloud.actions == [(fakes.SERVER, 'scale')]
        return {'last_request': fakes.LAST}

    monkeypatch.setattr('nova_ext.api.compute_rpc.ComputeRPC.scale', scale)
    found = scaler.Scaler().scale(fakes.user(), cloud.server, target=3)
    assert found == fakes.LAST


@pytest.fixture
def silent(cloud, monkeypatch):
    """Return a function that asks a silent host, whose record changes.

    Each look at the server finds the next of the states.
    """
    monkeypatch.setattr(scaler, 'POLL_SECONDS', 0)

    def ask(*states, wait=True, request_id=None, reason=''):
        context = fakes.user()
        looks = list(states)

        def refresh(server):
            if isinstance(looks[0], Exception):
                raise looks[0]
            last = record.LastRequest(
                **{
                    **fakes.LAST,
                    'request_id': request_id or context.request_id,
                    'state': looks.pop(0) if looks[1:] else looks[0],
                    'reason': reason,
                }
            )
            server.system_metadata = record.ScaleRecord(
                last=last
            ).to_metadata()

        def scale(*args, **kwargs):
            raise exception.ComputeSilent(server=fakes.SERVER)

        monkeypatch.setattr(type(cloud.server), 'refresh', refresh)
        monkeypatch.setattr('nova_ext.api.compute_rpc.ComputeRPC.scale', scale)
        return scaler.Scaler().scale(
            context, cloud.server, target=3, wait=wait
        )

    return ask


def test_a_request_whose_answer_was_lost_is_answered_from_the_record(silent):
    assert silent('in progress', 'in progress', 'done')['state'] == 'done'


def test_one_that_need_not_end_has_begun(silent):
    assert silent('in progress', wait=False)['state'] == 'in progress'


def test_a_failure_whose_answer_was_lost(silent):
    with pytest.raises(exc.HTTPServiceUnavailable, match='no core'):
        silent('in progress', 'failed', reason='no core')


@pytest.mark.parametrize(
    'states, request_id',
    [
        (['done'], 'req-another'),
        ([RuntimeError('expected by the test')], None),
    ],
)
def test_a_record_that_does_not_know(silent, states, request_id):
    with pytest.raises(exc.HTTPServiceUnavailable, match='may still run'):
        silent(*states, request_id=request_id)


def test_a_request_that_does_not_end(silent):
    CONF.set_override('request_timeout', 1, group='nova_ext')
    try:
        with pytest.raises(exc.HTTPServiceUnavailable, match='may still run'):
            silent('in progress')
    finally:
        CONF.clear_override('request_timeout', group='nova_ext')


def test_the_action_of_a_silent_host_has_its_failure(cloud, monkeypatch):
    def scale(*args, **kwargs):
        raise exception.ComputeSilent(server=fakes.SERVER)

    monkeypatch.setattr('nova_ext.api.compute_rpc.ComputeRPC.scale', scale)
    event = mock.Mock()
    monkeypatch.setattr(objects, 'InstanceActionEvent', event)
    context = fakes.user()
    with pytest.raises(exc.HTTPServiceUnavailable, match='did not answer'):
        scaler.Scaler().scale(context, cloud.server, target=3)
    named = (context, fakes.SERVER, 'api_scale_instance')
    event.event_start.assert_called_once_with(
        *named, want_result=False, host=CONF.host
    )
    failure = event.event_finish_with_failure.call_args
    assert failure.args == named
    text = str(exception.ComputeSilent(server=fakes.SERVER))
    assert failure.kwargs['exc_val'] == text
    # Without it Nova takes it for a success.
    assert failure.kwargs['exc_tb'] is not None
