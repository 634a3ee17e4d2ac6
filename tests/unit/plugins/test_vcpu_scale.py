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
"""What is kept of the promised pCPUs."""

import pytest

from nova_ext.plugins import vcpu_scale


@pytest.mark.parametrize(
    'promised, percent, kept',
    [(0, 100, 0), (3, 0, 0), (3, 100, 3), (3, 50, 2), (1, 1, 1), (10, 25, 3)],
)
def test_reserved(promised: int, percent: int, kept: int) -> None:
    assert vcpu_scale.reserved(promised, percent) == kept
