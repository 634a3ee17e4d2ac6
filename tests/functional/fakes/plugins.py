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
"""Resource plug-ins that do what a test tells them."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from nova_ext.model.usage import Usage
from nova_ext.plugins.stats import COUNT
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey
from nova_ext.plugins.stats import Value
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host

#: Called as ``(method, host name)`` before each method; may raise. What it
#: returns for ``test`` is the answer.
Told = Callable[[str, str], str | None]


class Puppet(Resource):
    """Counts servers, and is told what to answer."""

    told: Told = staticmethod(lambda method, host: None)

    def __init__(self) -> None:
        self._host = ''
        self._servers = 0

    @classmethod
    def describe(cls) -> Description:
        return Description(
            'puppet', '0.1', (StatsKey('puppet_servers', COUNT),)
        )

    def reset(self, host: Host) -> None:
        self._host = host.name
        self.told('reset', self._host)
        self._servers = 0

    def add_instance(self, usage: Usage) -> None:
        self.told('add_instance', self._host)
        self._servers += 1

    def remove_instance(self, usage: Usage) -> None:
        self.told('remove_instance', self._host)
        self._servers -= 1

    def test(self, usage: Usage, limits: Mapping[str, Any]) -> str | None:
        return self.told('test', self._host)

    def write(self) -> Mapping[str, Value]:
        self.told('write', self._host)
        return {'puppet_servers': self._servers}

    def report_free(self) -> str:
        self.told('report_free', self._host)
        return 'as many as you like'


POINTS = {
    'nova.compute.resources': {
        'puppet': 'tests.functional.fakes.plugins:Puppet'
    }
}
