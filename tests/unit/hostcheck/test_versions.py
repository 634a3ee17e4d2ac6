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
"""The checks of versions, by the table."""

import pathlib

import pytest

from nova_ext.hostcheck import versions
from tests.unit.hostcheck import fakes


@pytest.mark.parametrize(
    'case', fakes.cases_of(versions.CHECKS), ids=fakes.name_of
)
def test_check(tmp_path: pathlib.Path, case: fakes.Case) -> None:
    fakes.verify(versions.CHECKS, tmp_path, case)
