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
"""Servers and hosts for the tests of the built-in plug-ins."""

from nova_ext import testing
from nova_ext.resources.base import Resource

SPECS = {'hw:cpu_policy': 'dedicated', 'wrs:min_vcpus': '1'}
SERVERS = [
    testing.a_server(4, {**SPECS, 'cu:units': '2.5'}, 0, realtime=[1, 2, 3]),
    testing.a_server(2, {'cu:units': '0.1'}, 8, node=1, realtime=[1]),
    testing.a_server(1, {}, None),
]
SCALED = testing.a_server(3, SPECS, 4, offline=[2], realtime=[1, 2])


def stats_of_empty_host(resource: Resource) -> dict[str, str]:
    """Return what a plug-in writes of a host that has no servers."""
    resource.reset(testing.a_host())
    keys = {key.name: key for key in resource.describe().keys}
    return {
        name: keys[name].render(value)
        for name, value in resource.write().items()
    }
