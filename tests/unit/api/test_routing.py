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
"""Only the package's own paths are looked at."""

import pathlib

import pytest
import yaml

from nova_ext.api import routing

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/api_routes.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))


def environ(method, path, header=False):
    found = {'REQUEST_METHOD': method, 'PATH_INFO': path}
    if header:
        found['HTTP_WRS_HEADER'] = ''
    return found


@pytest.mark.parametrize('case', CASES['ours'], ids=lambda c: c['path'])
def test_ours(case):
    expected = routing.Route(
        case['name'], case.get('id'), case.get('project_id'), case.get('key')
    )
    found = environ(case['method'], case['path'], case.get('header'))
    assert routing.match(found) == expected


@pytest.mark.parametrize(
    'method, path', CASES['left_to_nova'], ids=lambda v: v
)
def test_left_to_nova(method, path):
    assert routing.match(environ(method, path)) is None


def test_no_path_at_all():
    assert routing.match({'REQUEST_METHOD': 'GET'}) is None
