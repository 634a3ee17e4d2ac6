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
"""The common contract."""

from oslo_config import cfg
import pytest

from nova_ext.plugins.base import Plugin
from nova_ext.plugins.base import register_options


def test_a_plugin_must_describe_itself() -> None:
    class Silent(Plugin):
        pass

    with pytest.raises(TypeError, match='describe'):
        Silent()


def test_options_are_empty_by_default() -> None:
    assert Plugin.OPTIONS == {}


def test_options_are_registered_in_their_groups() -> None:
    class Licences(Plugin):
        OPTIONS = {
            'DEFAULT': [cfg.StrOpt('mood', default='fair')],
            'licences': [cfg.IntOpt('seats', default=3)],
        }

    conf = cfg.ConfigOpts()
    register_options(Licences, conf)
    register_options(Licences, conf)
    conf([])
    assert (conf.mood, conf.licences.seats) == ('fair', 3)
