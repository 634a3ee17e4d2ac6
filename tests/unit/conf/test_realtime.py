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
"""A default mask is a CPU list, or none."""

from oslo_config import cfg
import pytest

from nova_ext.conf import realtime


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    realtime.register_opts(found)
    found([])
    return found


def test_nova_s_error_is_the_default(conf):
    assert conf.nova_ext_realtime.default_mask == ''


@pytest.mark.parametrize('value', ['', '^0', '^0-1', '1-3', '1,3', '0-3,^0'])
def test_masks(conf, value):
    conf.set_override('default_mask', value, group=realtime.GROUP)


@pytest.mark.parametrize('value', ['yes', '^', '0-', ' ^0', '1,', '^^0'])
def test_no_masks(conf, value):
    with pytest.raises(ValueError):
        conf.set_override('default_mask', value, group=realtime.GROUP)
