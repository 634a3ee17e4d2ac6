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
"""Run one of the two programs of server-group messaging."""

import signal
from typing import Protocol

from oslo_log import log as logging
import prometheus_client

from nova_ext.channel import local
from nova_ext.groups import monitor
from nova_ext.groups import process as process_module

LOG = logging.getLogger(__name__)


class Program(Protocol):
    """nova-ext-groups or nova-ext-groups-relay."""

    @property
    def process(self) -> process_module.Process: ...

    @property
    def registry(self) -> prometheus_client.CollectorRegistry: ...

    def run(self) -> None:
        """Serve until the process is stopped."""


def until_signalled(program: Program, where: str) -> int:
    """Run until SIGTERM or SIGINT; return the exit status.

    :param where: where health and counters are to be had, see
        `monitor.Monitor`.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: program.process.stop())
    process = program.process
    try:
        served = monitor.Monitor(where, process.health, program.registry)
    except (local.CannotServe, OSError, ValueError) as error:
        LOG.error(
            'Cannot listen on %s: %s; check [nova_ext_groups]service_monitor '
            'or relay_monitor',
            where,
            str(error).rstrip('.'),
        )
        return 1
    with served:
        program.run()
    return process.status
