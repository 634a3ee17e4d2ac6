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
"""What happens when plug-ins are not as they should be."""

from oslo_config import cfg
import pytest

from nova_ext.conf import plugins


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    plugins.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    options = conf.nova_ext_plugins
    assert options.on_unusable == 'warn'
    assert options.on_conflict == 'refuse'
    assert options.on_failing_test == 'refuse'
    assert options.on_missing_information == 'pass'


@pytest.mark.parametrize(
    'name',
    [
        'on_unusable',
        'on_conflict',
        'on_failing_test',
        'on_missing_information',
    ],
)
def test_a_value_that_is_none_of_them(conf, name):
    with pytest.raises(ValueError):
        conf.set_override(name, 'guess', group=plugins.GROUP)
