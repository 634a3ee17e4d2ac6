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
"""The contract of consumers."""

import pytest

from nova_ext.consumers.base import Consumer


def test_what_is_demanded() -> None:
    class Lazy(Consumer[int, int]):
        pass

    for method in ('consume', 'describe', 'fits', 'read', 'wanted'):
        with pytest.raises(TypeError, match=method):
            Lazy()  # type: ignore[abstract]


def test_a_consumer_need_not_weigh() -> None:
    assert Consumer.weigh(None, 3) == 0.0  # type: ignore[arg-type]
    assert Consumer.weight_multiplier(None) == 0.0  # type: ignore[arg-type]
