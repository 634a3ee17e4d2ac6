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
"""The schemas are schemas, and closed."""

import jsonschema
import pytest

from nova_ext.api import schemas


@pytest.mark.parametrize(
    'schema',
    [
        schemas.SCALE_ACTION,
        schemas.UPDATE,
        schemas.SHOW_QUERY,
        schemas.UPDATE_QUERY,
    ],
)
def test_schema(schema):
    jsonschema.Draft4Validator.check_schema(schema)
    assert schema['additionalProperties'] is False


@pytest.mark.parametrize('direction', ['up', 'down'])
def test_the_earlier_systems_action(direction):
    body = {'wrs-res:scale': {'direction': direction, 'resource': 'cpu'}}
    jsonschema.validate(body, schemas.SCALE_ACTION)


@pytest.mark.parametrize('online', [1, 4, schemas.MAX_VCPUS])
def test_update(online):
    jsonschema.validate({'vcpu_scale': {'online': online}}, schemas.UPDATE)
