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
"""Amounts are exact, and anything else is refused."""

from decimal import Decimal

import pytest

from nova_ext import exception
from nova_ext.plugins import compute_unit


@pytest.mark.parametrize(
    'text, units',
    [('4', '4'), ('0.1', '0.1'), ('999999999.999999', '999999999.999999')],
)
def test_units(text: str, units: str) -> None:
    assert compute_unit.units_of({'cu:units': text}) == Decimal(units)


def test_no_units() -> None:
    assert compute_unit.units_of({}) == 0


@pytest.mark.parametrize(
    'text', ['', 'many', '-1', '1e3', 'NaN', '1.', '.5', '1234567890', '٣']
)
def test_no_number(text: str) -> None:
    with pytest.raises(exception.DemandInvalid, match='extra spec cu:units'):
        compute_unit.units_of({'cu:units': text})


def test_sums_are_exact() -> None:
    tenth = compute_unit.parse('0.1')
    assert sum([tenth] * 10) == 1
    assert sum([tenth] * 10) - 10 * tenth == 0
