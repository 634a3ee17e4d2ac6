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
"""The plug-in ``realtime_pcpu``: what both of its halves know."""

from nova_ext.plugins.stats import COUNT
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey

LIMIT = 'realtime_pcpu_limit'
USED = 'realtime_pcpu_used'

DESCRIPTION = Description(
    'realtime_pcpu',
    '1.0',
    (
        StatsKey(LIMIT, COUNT, 'pCPUs that may run real-time vCPUs'),
        StatsKey(USED, COUNT, 'pCPUs that run real-time vCPUs now'),
    ),
)


def limit_of(text: str, dedicated: int) -> int:
    """Return the limit of a host, by the option ``limit``.

    :param text: a count, or a percentage of the dedicated pCPUs.
    """
    if text.endswith('%'):
        return dedicated * int(text[:-1]) // 100
    return int(text)
