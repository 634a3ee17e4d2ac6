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
"""Total and used amounts, whole or not."""

from decimal import Decimal

import pytest

from nova_ext import exception
from nova_ext.consumers.compute_unit import ComputeUnit

TOTAL, USED = 'compute_unit_total', 'compute_unit_used'


@pytest.mark.parametrize(
    'total, used, free',
    [('8', '3', '5'), ('8', '2.5', '5.5'), ('0.3', '0.1', '0.2')],
)
def test_exact(total: str, used: str, free: str) -> None:
    consumer = ComputeUnit()
    state = consumer.read({TOTAL: total, USED: used})
    assert consumer.fits(state, Decimal(free)) is None
    refused = consumer.fits(state, Decimal(free) + Decimal('0.000001'))
    assert refused is not None and refused.got == Decimal(free)


@pytest.mark.parametrize(
    'stats, error',
    [
        ({TOTAL: '8'}, exception.InformationMissing),
        ({TOTAL: '8', USED: '²'}, exception.InformationDamaged),
        ({TOTAL: None, USED: '1'}, exception.InformationDamaged),
    ],
)
def test_bad_stats(stats: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        ComputeUnit().read(stats)
