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
"""The commonest resource, by way of a built-in one."""

import pytest

from nova_ext import testing
from nova_ext.resources.realtime_pcpu import RealtimePcpu


@pytest.mark.parametrize(
    'count, refused',
    [
        (16, None),
        (17, 'realtime_pcpu: free 16 < requested 17'),
        (0, None),
    ],
)
def test_the_limit_is_inclusive(count: int, refused: str | None) -> None:
    plugin = RealtimePcpu()
    plugin.reset(testing.a_host())
    server = testing.a_server(count or 1, realtime=range(count))
    assert plugin.test(server, {}) == refused


def test_a_full_host_takes_who_asks_for_nothing() -> None:
    plugin = RealtimePcpu()
    plugin.reset(testing.a_host(1, 1))
    server = testing.a_server(2, realtime=[0, 1])
    plugin.add_instance(server)
    assert plugin.test(testing.a_server(1), {}) is None
    assert plugin.test(testing.a_server(1, realtime=[0]), {})
    assert plugin.report_free() == 'free -1 of 1'
