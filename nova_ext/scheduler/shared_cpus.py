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
"""The filter that keeps real-time servers to hosts with shared CPUs.

A real-time server whose QEMU threads run on the host's shared CPUs
(``hw:emulator_threads_policy=share``) starts on no host without
``[compute]cpu_shared_set``. Nova finds that out on the host, after the
scheduler has chosen it (``LibvirtDriver._get_guest_memory_backing_config``).
Leans on ``HostState.numa_topology``, whose cells have the shared CPUs in
``cpuset`` (Nova 31 to 34).
"""

from nova.scheduler import filters
from nova.scheduler import utils
from oslo_log import log as logging

from nova_ext.model import realtime

LOG = logging.getLogger(__name__)


class SharedCpusFilter(filters.BaseHostFilter):
    """Filter out hosts that have no CPUs for QEMU's own threads."""

    def filter_all(self, filter_obj_list, spec_obj):
        """Return the hosts that have."""
        specs = spec_obj.flavor.extra_specs
        if (
            specs.get(realtime.EMULATOR) != realtime.SHARE
            or not realtime.is_enabled(specs)
            or utils.request_is_rebuild(spec_obj)
        ):
            return filter_obj_list
        return [host for host in filter_obj_list if _has_shared_cpus(host)]


def _has_shared_cpus(host):
    topology = host.numa_topology
    if topology and any(cell.cpuset for cell in topology.cells):
        return True
    LOG.debug(
        '%(host)s is refused: it has no [compute]cpu_shared_set, which '
        '%(key)s=%(share)s needs with %(realtime)s',
        {
            'host': host,
            'key': realtime.EMULATOR,
            'share': realtime.SHARE,
            'realtime': realtime.REALTIME,
        },
    )
    return False
