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
"""The CPUs that nova.conf dedicates."""

import pathlib

import pytest

from nova_ext.hostcheck import files
from tests.unit.hostcheck import fakes


def test_dedicated(tmp_path: pathlib.Path) -> None:
    changes = {'dedicated_set': '2-4,^3'}
    assert fakes.make(tmp_path, changes).dedicated() == {2, 4}


@pytest.mark.parametrize('text', ['', ' ', '2,^2'])
def test_none_dedicated(tmp_path: pathlib.Path, text: str) -> None:
    seen = fakes.make(tmp_path, {'dedicated_set': text})
    with pytest.raises(files.Unreadable, match='names no CPUs'):
        seen.dedicated()
