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
"""How a server is scaled: the safe way unless the operator says so."""

from oslo_config import cfg
import pytest

from nova_ext.conf import base
from nova_ext.conf import scaling


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    scaling.register_opts(found)
    base.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    options = conf.nova_ext_scaling
    assert options.on_silent_guest == 'fail'
    assert options.accounting == 'current'
    assert options.guest_timeout < conf.nova_ext.request_timeout


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('on_silent_guest', 'guess'),
        ('accounting', 'none'),
        ('guest_timeout', 0.4),
        ('guest_timeout', 'soon'),
    ],
)
def test_a_value_that_is_none_of_them(conf, name, value):
    with pytest.raises(ValueError):
        conf.set_override(name, value, group=scaling.GROUP)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('on_silent_guest', 'host_picks'), ('accounting', 'full')],
)
def test_the_other_way(conf, name, value):
    conf.set_override(name, value, group=scaling.GROUP)
    assert conf[scaling.GROUP][name] == value
