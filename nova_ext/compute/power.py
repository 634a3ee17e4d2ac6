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
"""The port ``Power``: Nova's own power management of dedicated cores.

Leans on ``nova.virt.libvirt.cpu.api.API.power_up`` and ``_power_down`` (Nova
31 to 34), which do nothing unless ``[libvirt]cpu_power_management`` is on.
"""

from oslo_log import log as logging

from nova_ext import cpuset

LOG = logging.getLogger(__name__)


class CorePower:
    """See :class:`nova_ext.scaling.ports.Power`."""

    def __init__(self, cpu_api):
        """Take up the driver's ``cpu_api``."""
        self._cpu_api = cpu_api

    def up(self, pcpus):
        """See the port."""
        self._cpu_api.power_up(set(pcpus))

    def down(self, pcpus):
        """Power cores down that nobody owns any more; never fails."""
        try:
            self._cpu_api._power_down(set(pcpus))
        except Exception:
            LOG.exception(
                'The pCPUs %s that nobody owns could not be powered down.',
                cpuset.render(pcpus),
            )
