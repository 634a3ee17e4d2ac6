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
"""Plug-ins that load, and some that do not."""

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from nova_ext.plugins.base import Plugin
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey


def describing(name: str, *keys: str) -> Any:
    return classmethod(
        lambda cls: Description(name, '1', tuple(map(StatsKey, keys)))
    )


class Good(Plugin):
    OPTIONS: Mapping[str, Any] = {'fake_good': [cfg.IntOpt('size', default=3)]}
    describe = describing('good', 'good_used')

    def __init__(self) -> None:
        self.size = cfg.CONF.fake_good.size


class Other(Plugin):
    describe = describing('other', 'other_used')


class Second(Plugin):
    """The same name as ``Good``, from elsewhere."""

    describe = describing('good', 'second_used')


class Thief(Plugin):
    describe = describing('thief', 'good_used')


class Broken(Plugin):
    describe = describing('broken')

    def __init__(self) -> None:
        raise OSError('no such device')


class Misnamed(Plugin):
    describe = describing('someone')


class Reserved(Plugin):
    describe = describing('reserved', 'num_instances')


def not_a_class() -> None:
    """A target that is no plug-in."""
