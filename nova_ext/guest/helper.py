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
"""The application's say in scaling, as of old: ``app_scale_helper``.

Arguments and exit status are those of the original: ``--cpu_del`` picks a CPU
greater than 0, stops using it and exits with its number; ``--cpu_add CPU
LIST`` may start to use it, LIST being a JSON array without spaces.
"""

import logging
import os
from typing import Iterable
from typing import List
from typing import Optional

from nova_ext.guest import runner

LOG = logging.getLogger(__name__)

PATH = '/usr/sbin/app_scale_helper'

#: What a shell exits with when it does not find a program.
_NOT_FOUND = 127


class Helper(object):
    """Runs the helper, if there is one.

    :param path: the script.
    """

    def __init__(self, path: str = PATH) -> None:
        self._path = path

    def pick(self, limit: runner.Limit) -> Optional[int]:
        """Return the CPU that the application gives up.

        None leaves the choice to the agent: there is no helper, it exited
        with 0, or it died.

        :raises runner.Timeout: it was killed.
        """
        status = self._run(['--cpu_del'], limit)
        if status is None or status <= 0 or status == _NOT_FOUND:
            return None
        return status

    def added(
        self, cpu: int, online: Iterable[int], limit: runner.Limit
    ) -> None:
        """Tell the application that a CPU came online; it cannot refuse."""
        listed = '[%s]' % ','.join(map(str, online))
        try:
            status = self._run(['--cpu_add', str(cpu), listed], limit)
        except runner.Timeout as error:
            LOG.warning('%s; cpu %d is online all the same.', error, cpu)
            return
        if status:
            LOG.warning('%s ended with %d for --cpu_add.', self._path, status)

    def _run(self, args: List[str], limit: runner.Limit) -> Optional[int]:
        """Return the exit status; negative for a signal, None without run."""
        if not os.access(self._path, os.X_OK):
            return None
        try:
            return runner.run([self._path] + args, limit).status
        except OSError as error:
            LOG.warning('Cannot run %s: %s.', self._path, error)
            return None
