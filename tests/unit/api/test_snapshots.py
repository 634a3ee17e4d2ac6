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
"""What nova-api does not copy into images."""

from nova.compute import utils as compute_utils
import pytest

from nova_ext.api import snapshots
from nova_ext.conf import CONF
from nova_ext.model import record
from tests.unit.compute import fakes


@pytest.fixture(autouse=True)
def option():
    yield
    CONF.clear_override('non_inheritable_image_properties')


def test_novas_and_the_operators_own_stay():
    CONF.set_override('non_inheritable_image_properties', ['mine'])
    snapshots.keep_records_out()
    snapshots.keep_records_out()
    kept_out = CONF.non_inheritable_image_properties
    assert sorted(kept_out) == sorted(['mine', *record.KEYS])


def test_a_snapshot_has_no_record():
    snapshots.keep_records_out()
    metadata = dict.fromkeys(record.KEYS, 'x')
    instance = fakes.instance(
        system_metadata={**metadata, 'image_hw_disk_bus': 'virtio'}
    )
    image = compute_utils.initialize_instance_snapshot_metadata(
        fakes.admin(), instance, 'a snapshot'
    )
    assert not set(record.KEYS) & image['properties'].keys()
    assert image['properties']['hw_disk_bus'] == 'virtio'
