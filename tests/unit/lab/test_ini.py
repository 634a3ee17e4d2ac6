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
"""Configuration files are written as oslo.config reads them."""

from oslo_config import cfg

from tests.lab import ini


def test_values_lists_and_sections(tmp_path) -> None:
    path = tmp_path / 'folder' / 'service.conf'
    ini.write(path, {'DEFAULT': {'one': 1, 'many': ['a', 'b']}, 'x': {}})
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.IntOpt('one'), cfg.MultiStrOpt('many')])
    conf(['--config-file', str(path)])
    assert conf.one == 1
    assert conf.many == ['a', 'b']
