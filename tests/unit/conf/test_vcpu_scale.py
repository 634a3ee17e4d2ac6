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
"""How much room is kept for scale-up."""

from oslo_config import cfg
import pytest

from nova_ext.conf import vcpu_scale


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    vcpu_scale.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    assert conf.nova_ext_vcpu_scale.reserved_percent == 0
    assert conf.nova_ext_vcpu_scale.weight_multiplier == 1.0


@pytest.mark.parametrize('value', [-1, 101, 'all'])
def test_no_percentage(conf, value):
    with pytest.raises(ValueError):
        conf.set_override('reserved_percent', value, group=vcpu_scale.GROUP)
