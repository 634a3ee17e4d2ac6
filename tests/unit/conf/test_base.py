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
"""What hosts and nova-api agree on, and the limits of it."""

from oslo_config import cfg
import pytest

from nova_ext.conf import base


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    base.register_opts(found)
    found([])
    return found


def test_a_request_is_waited_for_longer_than_a_sign_of_life(conf):
    options = conf.nova_ext
    assert options.heartbeat_timeout < options.request_timeout
    assert options.topic == 'nova_ext_compute'


@pytest.mark.parametrize('name', ['request_timeout', 'heartbeat_timeout'])
@pytest.mark.parametrize('value', [0, -1, 'soon'])
def test_a_time_that_is_none(conf, name, value):
    with pytest.raises(ValueError):
        conf.set_override(name, value, group=base.GROUP)
