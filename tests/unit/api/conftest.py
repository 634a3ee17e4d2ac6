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
"""Nova without services, for the tests of the API room."""

from unittest import mock

from nova import objects
from nova import policy
from nova import rpc
from oslo_log import log
import oslo_messaging as messaging
import pytest

from nova_ext.conf import CONF
from tests.unit.api import fakes


@pytest.fixture(autouse=True)
def nova_in_process(monkeypatch):
    """Give Nova's classes what they need to be made."""
    objects.register_all()
    if 'debug' not in CONF:
        log.register_options(CONF)
    CONF([], project='nova', default_config_files=[])
    transport = messaging.get_rpc_transport(CONF, 'fake:/')
    monkeypatch.setattr(rpc, 'TRANSPORT', transport)
    monkeypatch.setattr(rpc, 'LEGACY_NOTIFIER', mock.Mock())
    monkeypatch.setattr(rpc, 'NOTIFIER', mock.Mock())
    policy.reset()
    yield
    policy.reset()
    transport.cleanup()
    CONF.reset()


@pytest.fixture
def cloud(monkeypatch):
    """Return a cloud with one server, on a compute host that answers."""
    return fakes.Cloud(monkeypatch)
