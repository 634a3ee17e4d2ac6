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
"""The user data that carries the guest package, in cloud-init's own words."""

import json
import pathlib
import sys

import jsonschema
import pytest
import yaml

from tests.lab import commands
from tests.lab import layout

SCHEMA = '**/cloudinit/config/schemas/schema-cloud-config-v1.json'


@pytest.fixture
def validator(tmp_path: pathlib.Path) -> jsonschema.Draft4Validator:
    """What cloud-init itself checks user data with.

    Debian's package, unpacked: installed, it would take this machine over at
    its next boot.
    """
    log = tmp_path / 'log'
    # apt drops its rights to download, unless the folder is root's alone.
    commands.run(
        ['apt-get', '-o', 'APT::Sandbox::User=root', 'download', 'cloud-init'],
        log,
        120,
        attempts=3,
        cwd=tmp_path,
    )
    (package,) = tmp_path.glob('*.deb')
    commands.run(['dpkg', '-x', package, tmp_path], log, 60)
    (schema,) = tmp_path.glob(SCHEMA)
    return jsonschema.Draft4Validator(json.loads(schema.read_text()))


def test_cloud_init_finds_no_fault_in_the_user_data(
    validator: jsonschema.Draft4Validator, tmp_path: pathlib.Path
) -> None:
    made = tmp_path / 'user-data'
    commands.run(
        [
            *(sys.executable, '-m', 'nova_ext.guest.build'),
            *('--cloud-init', made),
        ],
        tmp_path / 'log',
        60,
        cwd=layout.CHECKOUT,
    )
    config = yaml.safe_load(made.read_text())
    assert list(validator.iter_errors(config)) == []
    config['write_files'][0]['mode'] = '0644'
    assert list(validator.iter_errors(config)), 'the schema checks nothing'
