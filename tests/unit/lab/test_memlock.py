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
"""The capability is read from the right bit."""

import pytest

from tests.lab import memlock


@pytest.mark.parametrize(
    'capabilities, may',
    [
        ('000001ffffffffff', True),
        ('000001fffeffffff', False),
        ('0000000001000000', True),
        ('0000000000000000', False),
    ],
)
def test_may_raise_limits(capabilities: str, may: bool) -> None:
    status = f'Name:\tx\nCapPrm:\t0\nCapEff:\t{capabilities}\nCapBnd:\t0\n'
    assert memlock.may_raise_limits(status) is may
