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

from nova import exception as nova_exception
from nova import objects
from nova import policy
from nova import rpc
from nova.image import glance
from nova.objects import flavor as nova_flavor
from oslo_config import fixture as config_fixture
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
def config():
    """Return a function that sets options for the time of the test."""
    with config_fixture.Config(CONF) as fixture:
        yield fixture.config


@pytest.fixture
def cloud(monkeypatch):
    """Return a cloud with one server, on a compute host that answers."""
    return fakes.Cloud(monkeypatch)


@pytest.fixture
def flavors(cloud, monkeypatch):
    """Add flavor f1 and an image with properties to the cloud."""
    cloud.flavor = fakes.flavor()
    cloud.image = {'properties': {}}
    cloud.fetched = []

    def flavor(ctxt, flavor_id):
        if flavor_id != 'f1':
            raise nova_exception.FlavorNotFound(flavor_id=flavor_id)
        return cloud.flavor

    def image(self, ctxt, image_id):
        cloud.fetched.append(image_id)
        if isinstance(cloud.image, Exception):
            raise cloud.image
        return cloud.image

    monkeypatch.setattr(objects.Flavor, 'get_by_flavor_id', flavor)
    monkeypatch.setattr(glance.API, 'get', image)
    return cloud


@pytest.fixture
def added(monkeypatch):
    """Return the extra specs that are added to flavors."""
    found = []
    monkeypatch.setattr(
        nova_flavor.Flavor,
        'save_extra_specs',
        lambda self, to_add: found.append(to_add),
    )
    return found
