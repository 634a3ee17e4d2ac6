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
"""Nothing is switched on by default."""

from oslo_config import cfg
import pytest

from nova_ext.conf import default


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    default.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    assert conf.compute_resources == []
    assert conf.scheduler_consumers == []
