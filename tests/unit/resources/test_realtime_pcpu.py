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
"""A parked real-time vCPU does not count."""

from oslo_config import fixture
import pytest

from nova_ext import testing
from nova_ext.conf import CONF
from nova_ext.resources.realtime_pcpu import RealtimePcpu
from tests.unit import builtin


def test_life() -> None:
    testing.check_resource(
        RealtimePcpu, testing.a_host(), [*builtin.SERVERS, builtin.SCALED]
    )


@pytest.mark.parametrize('limit, pcpus', [('4', 4), ('25%', 4), ('0', 0)])
def test_limit(limit: str, pcpus: int) -> None:
    with fixture.Config(CONF) as config:
        config.config(limit=limit, group='nova_ext_realtime_pcpu')
        plugin = RealtimePcpu()
        plugin.reset(testing.a_host())
    plugin.add_instance(builtin.SCALED)
    assert plugin.write() == {
        'realtime_pcpu_limit': pcpus,
        'realtime_pcpu_used': 1,
    }
