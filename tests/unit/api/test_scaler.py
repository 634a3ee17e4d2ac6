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
from nova_ext.api import unanswered
from nova_ext.conf import CONF
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
    text = str(exception.Withdrawn(server=fakes.SERVER))
    assert failure.kwargs['exc_val'] == text
    # Without it Nova takes it for a success.
    assert failure.kwargs['exc_tb'] is not None


@pytest.mark.parametrize(
    'error, text',
    [
        (exception.ComputeSilent(server='s'), 'the request was withdrawn'),
        (exception.ComputeFailed(server='s', reason='X'), r'request \(X\)'),
    ],
)
def test_a_request_that_no_host_began_is_withdrawn(
    cloud, monkeypatch, error, text
):
    def find(context, instance, said, wait, until):
        assert text.replace('\\', '') in str(said)
        return None

    monkeypatch.setattr('nova_ext.api.unanswered.find', find)
    cloud.answer = error
    with pytest.raises(exc.HTTPServiceUnavailable, match=text):
        scaler.Scaler().scale(fakes.user(), cloud.server, target=3)


def test_the_record_has_the_answer(cloud, monkeypatch):
    monkeypatch.setattr(
        'nova_ext.api.unanswered.find',
        lambda *args: {'last_request': fakes.LAST},
    )
    cloud.answer = exception.ComputeFailed(server='s', reason='X')
    found = scaler.Scaler().scale(fakes.user(), cloud.server, target=3)
    assert found == fakes.LAST


def test_a_request_of_which_nothing_is_known(cloud, monkeypatch):
    def find(*args):
        raise unanswered.Unknown()

    monkeypatch.setattr('nova_ext.api.unanswered.find', find)
    cloud.answer = exception.ComputeSilent(server=fakes.SERVER)
    with pytest.raises(exc.HTTPServiceUnavailable, match='may still run'):
        scaler.Scaler().scale(fakes.user(), cloud.server, target=3)
