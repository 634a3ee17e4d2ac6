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
"""What this package changes in the domain that a live migration makes.

The destination tells the source in ``LibvirtLiveMigrateNUMAInfo`` where each
thread is to run there; its pins follow from the parked claim. Leans on its
fields, on ``LibvirtDriver._live_migration_operation``, which asks the
``Guest`` for nothing but ``migrate`` with a ``destination_xml`` that matters
here, and on ``nova.virt.libvirt.migration._update_numa_xml``, which cannot
write that no vCPU is real-time (Nova 31 to 34).
"""

from nova import objects

from nova_ext.compute import topology
from nova_ext.hypervisor import schedulers
from nova_ext.model import pinning


def park(info, instance, claimed):
    """Take parked vCPUs out of what the destination asks for.

    :param info: ``LibvirtLiveMigrateNUMAInfo`` as Nova filled it.
    :param claimed: the ``InstanceNUMATopology`` of the destination's claim.
    """
    if 'cpu_pins' not in info:
        return
    layout = topology.parked_layout(instance, claimed)
    if not layout.offline:
        return
    if topology.emulator_floats(instance.flavor):
        info.emulator_pins = set(pinning.emulator_pcpus(layout))
    if 'sched_vcpus' in info:
        info.sched_vcpus = set(info.sched_vcpus) - layout.offline
        if not info.sched_vcpus:
            del info.sched_vcpus
            del info.sched_priority


class MigratingGuest:
    """Nova's ``Guest``, whose parked threads arrive without real-time."""

    def __init__(self, guest, offline):
        """Stand for a guest.

        :param offline: its offline vCPUs.
        """
        self._guest = guest
        self._offline = offline

    def __getattr__(self, name):
        return getattr(self._guest, name)

    def migrate(self, destination, *, destination_xml=None, **kwargs):
        """Migrate with a definition that Nova made from the running one.

        That one has the policies that the threads had when they started.
        """
        if destination_xml:
            destination_xml = schedulers.without_realtime(
                destination_xml, self._offline
            )
        return self._guest.migrate(
            destination, destination_xml=destination_xml, **kwargs
        )


def migrating(guest, context, instance):
    """Return what Nova is to migrate in place of a ``Guest``.

    The instance is read afresh: the caller's copy comes from nova-api, which
    read it before it claimed the server.
    """
    if not topology.realtime_vcpus(instance):
        return guest
    saved = objects.Instance.get_by_uuid(
        context,
        instance.uuid,
        expected_attrs=['flavor', 'numa_topology', 'system_metadata'],
    )
    offline = topology.server_of(saved).layout.offline
    return MigratingGuest(guest, offline) if offline else guest
