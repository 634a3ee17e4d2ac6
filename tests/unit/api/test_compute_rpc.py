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
"""The RPC client, against a server on oslo.messaging's fake transport."""

import time

from nova import rpc
import oslo_messaging as messaging
import pytest

from nova_ext import exception
from nova_ext.api import compute_rpc
from nova_ext.conf import CONF
from nova_ext.scaling import contract
from tests.unit.api import fakes


class Endpoint:
    target = messaging.Target(version=contract.RPC_VERSION)

    def __init__(self):
        self.calls = []
        self.error = None

    def scale(self, ctxt, instance, direction, target, wait):
        self.calls.append((ctxt, instance, direction, target, wait))
        if self.error:
            raise self.error
        return {'last_request': {'state': 'done'}}

    def plan(self, ctxt, instance, direction, target):
        return {'plan': {'target': target}}


@pytest.fixture
def endpoint():
    """Serve the endpoint as host1."""
    found = Endpoint()
    server = messaging.get_rpc_server(
        rpc.TRANSPORT,
        messaging.Target(topic=CONF.nova_ext.topic, server='host1'),
        [found],
        executor='threading',
        serializer=rpc.RequestContextSerializer(
            compute_rpc.base.NovaObjectSerializer()
        ),
    )
    server.start()
    yield found
    server.stop()
    server.wait()


@pytest.fixture
def short_timeout():
    """Wait for an answer as briefly as the options allow."""
    CONF.set_override('heartbeat_timeout', 1, group='nova_ext')
    CONF.set_override('request_timeout', 1, group='nova_ext')
    yield
    CONF.clear_override('heartbeat_timeout', group='nova_ext')
    CONF.clear_override('request_timeout', group='nova_ext')


def test_scale(endpoint):
    ctxt = fakes.user()
    answer = compute_rpc.ComputeRPC().scale(
        ctxt, fakes.server(), direction='down'
    )
    assert answer == {'last_request': {'state': 'done'}}
    ((seen, instance, direction, target, wait),) = endpoint.calls
    assert seen.request_id == ctxt.request_id
    assert instance.uuid == fakes.SERVER
    assert instance.flavor.extra_specs == fakes.SCALABLE
    assert (direction, target, wait) == ('down', None, True)


def test_plan(endpoint):
    answer = compute_rpc.ComputeRPC().plan(
        fakes.user(), fakes.server(), target=3
    )
    assert answer == {'plan': {'target': 3}}


def test_the_cells_transport_is_used(endpoint, monkeypatch):
    ctxt = fakes.user()
    ctxt.mq_connection = rpc.TRANSPORT
    client = compute_rpc.ComputeRPC()
    client.plan(fakes.user(), fakes.server(), target=3)
    monkeypatch.setattr(client._router, 'default_client', None)
    with pytest.raises(AttributeError):
        client.plan(fakes.user(), fakes.server(), target=3)
    monkeypatch.undo()
    assert client.plan(ctxt, fakes.server(), target=3)['plan']


def test_an_error_at_the_host_names_its_kind_only(endpoint):
    endpoint.error = ValueError('/etc/secret on host1')
    with pytest.raises(exception.ComputeFailed) as caught:
        compute_rpc.ComputeRPC().scale(
            fakes.user(), fakes.server(), direction='up'
        )
    assert 'could not handle the request (ValueError)' in str(caught.value)
    assert 'secret' not in str(caught.value)


def test_a_host_that_does_not_answer(endpoint, short_timeout):
    began = time.monotonic()
    with pytest.raises(exception.ComputeSilent) as caught:
        compute_rpc.ComputeRPC().scale(
            fakes.user(), fakes.server(host='gone'), direction='up'
        )
    # Well below [DEFAULT]rpc_response_timeout, which is Nova's.
    assert time.monotonic() - began < 30
    assert endpoint.calls == []
    assert 'may still run there' in str(caught.value)
    assert 'GET /servers/%s/vcpu-scale' % fakes.SERVER in str(caught.value)


def test_the_heartbeat_is_within_the_whole(short_timeout):
    CONF.set_override('heartbeat_timeout', 30, group='nova_ext')
    assert compute_rpc._monitor_timeout() == 1
