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
"""The plug-in ``compute_unit``: what both of its halves know.

Compute units say how fast a server's CPU is to be, for its user.

The blueprint's own use case. All arithmetic is exact: amounts have at most
nine digits before and six after the point, so that sums and products fit into
the 28 digits of Python's decimal context.
"""

from collections.abc import Mapping
from decimal import Decimal
import re

from nova_ext import exception
from nova_ext.plugins.stats import AMOUNT
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey

#: The extra spec of a flavor.
KEY = 'cu:units'

TOTAL = 'compute_unit_total'
USED = 'compute_unit_used'

DESCRIPTION = Description(
    'compute_unit',
    '1.0',
    (
        StatsKey(TOTAL, AMOUNT, 'units of the host, with overcommitment'),
        StatsKey(USED, AMOUNT, 'units that its servers have'),
    ),
)

_PATTERN = re.compile(r'[0-9]{1,9}(\.[0-9]{1,6})?', re.ASCII)
_WANTED = 'a number such as 4 or 2.5'


def units_of(extra_specs: Mapping[str, str]) -> Decimal:
    """Return how many units a flavor asks for, 0 without the key.

    :raises exception.DemandInvalid: the value is not a plain decimal number.
    """
    text = extra_specs.get(KEY)
    if text is None:
        return Decimal(0)
    try:
        return parse(text)
    except ValueError:
        raise exception.DemandInvalid(
            key=KEY, got=text, wanted=_WANTED
        ) from None


def parse(text: str) -> Decimal:
    """Return an amount.

    :raises ValueError: it is not a plain decimal number within the limits.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError('%r is not %s' % (text, _WANTED))
    return Decimal(text)
