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
"""offline_cpus: takes the CPUs offline that the host has parked.

Run at boot, because a guest always starts with all of its CPUs online. The
metadata service answers with the text of a Python set, such as ``set([1,
2])``, ``{1, 2}`` or ``set()``; only the numbers in it count.
"""

import http.client
import logging
import re
from typing import List
import urllib.request

from nova_ext.guest import cpus
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

URL = 'http://169.254.169.254/latest/meta-data/offline_cpuset'
TRIES = 3
TIMEOUT = 5.0

#: Bytes of an answer that are read.
_LONGEST = 65536


class OfflineError(Exception):
    """The CPUs to take offline are not known, or one of them stays on."""


def fetch(url: str = URL) -> str:
    """Return the metadata service's text, after at most three attempts.

    :raises OfflineError: none of them was answered.
    """
    # The service has a link-local address: never by way of a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    reason = ''
    for _ in range(TRIES):
        try:
            with opener.open(url, timeout=TIMEOUT) as answer:
                return bytes(answer.read(_LONGEST)).decode('utf-8', 'replace')
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = str(error)
    raise OfflineError(
        'no answer from %s in %d attempts: %s' % (url, TRIES, reason)
    )


def parse(text: str) -> List[int]:
    """Return every decimal number of the text, in its order."""
    # No kernel has CPU numbers of ten digits: such a one fails later on.
    return [int(number[:9]) for number in re.findall(r'[0-9]+', text)]


def run(processors: cpus.Cpus, url: str = URL) -> List[int]:
    """Take offline what the metadata service names; return it.

    Nothing is ever brought online.

    :raises OfflineError: at the first failure.
    """
    text = fetch(url)
    numbers = parse(text)
    LOG.debug('The metadata service says %s.', quoting.shown(text))
    for cpu in numbers:
        try:
            processors.take_offline(cpu)
        except cpus.CpuError as error:
            raise OfflineError(str(error).strip())
    return numbers
