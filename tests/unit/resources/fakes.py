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
"""The two resources of upstream's unit tests (acceptance cases E1 to E8)."""

from collections.abc import Mapping
from typing import Any

from nova_ext.model.usage import Usage
from nova_ext.plugins.loading import Loaded
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey
from nova_ext.plugins.stats import Value
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host


class Upstream(Resource):
    """Reads ``resource:<name>`` and a limit of that name."""

    name: str

    def __init__(self) -> None:
        self.total = 0
        self.used = 0

    @classmethod
    def describe(cls) -> Description:
        return Description(
            cls.name, '1', (StatsKey(cls.name), StatsKey('used_' + cls.name))
        )

    def wanted(self, usage: Usage) -> int:
        return int(usage.extra_specs.get('resource:' + self.name, 0))

    def add_instance(self, usage: Usage) -> None:
        self.used += self.wanted(usage)

    def remove_instance(self, usage: Usage) -> None:
        self.used -= self.wanted(usage)

    def test(self, usage: Usage, limits: Mapping[str, Any]) -> str | None:
        limit = limits.get('resource:' + self.name)
        wanted = self.wanted(usage)
        if not wanted or limit is None or wanted <= limit - self.used:
            return None
        return 'Free %d < requested %d ' % (limit - self.used, wanted)

    def write(self) -> Mapping[str, Value]:
        return {self.name: self.total, 'used_' + self.name: self.used}

    def report_free(self) -> str:
        return 'free %d' % (self.total - self.used)


class ResourceA(Upstream):
    """Its total comes from a configuration option."""

    name = 'resA'

    def reset(self, host: Host) -> None:
        self.total, self.used = 10, 0


class ResourceB(Upstream):
    """Its total comes from what the driver reports."""

    name = 'resB'

    def reset(self, host: Host) -> None:
        self.total, self.used = host.resources['resB'], 0


def loaded(*kinds: type[Resource]) -> list[Loaded[Resource]]:
    return [
        Loaded(each.describe().name, each, each.describe()) for each in kinds
    ]
