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
"""Amounts are plain decimal numbers."""

from oslo_config import cfg
import pytest

from nova_ext.conf import compute_unit


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    compute_unit.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    assert conf.nova_ext_compute_unit.units_per_pcpu == '1'
    assert conf.nova_ext_compute_unit.allocation_ratio == '1'


@pytest.mark.parametrize('name', ['units_per_pcpu', 'allocation_ratio'])
@pytest.mark.parametrize('value', ['', '-1', '1e3', '1.', 'many', 'NaN'])
def test_no_amount(conf, name, value):
    with pytest.raises(ValueError):
        conf.set_override(name, value, group=compute_unit.GROUP)
