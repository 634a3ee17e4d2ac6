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
"""The consumers of this checkout, for each test anew."""

from oslo_config import fixture
import pytest

from nova_ext.conf import CONF
from nova_ext.scheduler import hosts
from tests import distributions


@pytest.fixture
def config():
    """Return the options, with one consumer switched on."""
    hosts.forget()
    with (
        distributions.installed(distributions.nova_ext()),
        fixture.Config(CONF) as found,
    ):
        found.config(scheduler_consumers=['compute_unit'])
        yield found
    hosts.forget()
