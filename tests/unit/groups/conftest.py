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
from oslo_config import cfg
from oslo_messaging import conffixture
import pytest

from nova_ext.conf import channel
from nova_ext.conf import groups
from nova_ext.groups import bus


@pytest.fixture
def conf(request):
    """Configuration with oslo.messaging's bus within the process."""
    made = cfg.ConfigOpts()
    channel.register_opts(made)
    groups.register_opts(made)
    bus.set_defaults()
    made([], project='nova-ext-tests', default_config_files=[])
    messaging = conffixture.ConfFixture(made, 'fake:/')
    messaging.setUp()
    request.addfinalizer(messaging.cleanUp)
    # The bus is one for the whole process: tests must not meet on it.
    made.set_override('topic', request.node.name, groups.GROUP)
    return made
