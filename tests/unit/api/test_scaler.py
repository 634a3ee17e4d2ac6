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

import pytest
from webob import exc

from nova_ext import exception
from nova_ext.api import scaler
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
