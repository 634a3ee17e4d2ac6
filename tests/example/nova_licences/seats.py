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
"""What both halves know."""

from oslo_config import cfg

from nova_ext import exception
from nova_ext.model.usage import Usage
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey

KEY = 'licence:seats'

DESCRIPTION = Description(
    'licence_seats',
    '1.0',
    (
        StatsKey('licence_seats_total', about='seats of the host'),
        StatsKey('licence_seats_used', about='seats that its servers have'),
    ),
)

OPTIONS = {
    'nova_licences': [
        cfg.IntOpt(
            'seats',
            default=2,
            min=0,
            help='How many seats the licence of this compute host has.',
        ),
        cfg.FloatOpt(
            'weight_multiplier',
            default=1.0,
            help='How much hosts with free seats are preferred.',
        ),
    ]
}


def seats_of(usage: Usage) -> int:
    """Return how many seats a server takes."""
    text = usage.extra_specs.get(KEY, '0')
    if not text.isdecimal():
        raise exception.DemandInvalid(
            key=KEY, got=text, wanted='a number of seats'
        )
    return int(text)
