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
"""A limit is a count or a percentage."""

from oslo_config import cfg
import pytest

from nova_ext.conf import realtime_pcpu


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    realtime_pcpu.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    assert conf.nova_ext_realtime_pcpu.limit == '100%'


@pytest.mark.parametrize('value', ['8', '0', '75%', '0%', '100%'])
def test_limits(conf, value):
    conf.set_override('limit', value, group=realtime_pcpu.GROUP)


@pytest.mark.parametrize('value', ['', '-1', '101%', '8.5', 'all', '%'])
def test_no_limit(conf, value):
    with pytest.raises(ValueError):
        conf.set_override('limit', value, group=realtime_pcpu.GROUP)
