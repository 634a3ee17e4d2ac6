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
"""The limit is a count or a share."""

import pytest

from nova_ext.plugins import realtime_pcpu


@pytest.mark.parametrize(
    'text, limit',
    [('8', 8), ('0', 0), ('100%', 15), ('50%', 7), ('0%', 0)],
)
def test_limit(text: str, limit: int) -> None:
    assert realtime_pcpu.limit_of(text, 15) == limit
