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
"""A scaled-down server that comes to this host, and stays scaled down.

Live migration, evacuation and unshelving claim the flavor's maximum, because
Nova's claim starts from the flavor. What the claim saved is then parked
anew, so that all that follows from it (the destination's domain XML, rollback,
the audit) is right by itself. Leans on ``MoveClaim`` and ``Claim``, on
``MigrationContext.new_numa_topology`` and ``Instance.migration_context``
(Nova 31 to 34).
"""

from dataclasses import replace

from nova import objects
from nova.compute import vm_states
from oslo_log import log as logging

from nova_ext.compute import allocations
from nova_ext.compute import topology
from nova_ext.model import bounds
from nova_ext.model import record as records
from nova_ext.model.record import DOWN
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord

LOG = logging.getLogger(__name__)


class Arrival:
    """An instance whose parked vCPUs need no cores here.

    :ivar offline: the vCPUs that stay parked; none for most instances.
    """

    def __init__(self, context, instance):
        """Read afresh what is offline: a caller's copy may be older."""
        self._context = context
        self._instance = instance
        self._metadata = {}
        self._record = ScaleRecord()
        self.offline = frozenset()
        if _may_be_parked(instance):
            self._read()

    def _read(self):
        saved = objects.Instance.get_by_uuid(
            self._context,
            self._instance.uuid,
            expected_attrs=['numa_topology', 'system_metadata'],
        )
        self._metadata = saved.system_metadata
        self._record = ScaleRecord.from_metadata(self._metadata)
        layout = topology.layout_of(saved.numa_topology, self._record.offline)
        # A claim that was aborted took the pins of a shelved server.
        self.offline = layout.offline if layout.cells else self._record.offline

    def layouts(self, claimed):
        """Return the model's layouts of a claim: as it is, and parked.

        :param claimed: the ``InstanceNUMATopology`` of the claim.
        """
        before = topology.layout_of(
            claimed, realtime=topology.realtime_vcpus(self._instance)
        )
        return before, before.without(*(self.offline & before.vcpus))

    def save_moving(self, claim, layout):
        """Save a layout in the migration context of a claim.

        :param claim: a ``MoveClaim``, whose topology the driver asks for.
        :returns: the instance and its topology on this host.
        """
        parked = topology.with_layout(claim.claimed_numa_topology, layout)
        moving = self._instance.migration_context
        moving.new_numa_topology = parked
        self._instance.migration_context = moving
        # The copy that an aborted claim is freed by was made before that.
        claim.instance.migration_context = moving
        self._save_journal()
        claim.claimed_numa_topology = parked
        return self._instance, parked

    def save_spawning(self, claim, layout):
        """Save a layout as the one of the instance.

        :returns: the instance and its topology on this host.
        """
        parked = topology.with_layout(claim.claimed_numa_topology, layout)
        self._instance.numa_topology = parked
        self._save_journal()
        claim.claimed_numa_topology = parked
        return self._instance, parked

    def charge(self, reportclient, provider, layout):
        """Let placement follow on this host, or an audit later do it."""
        try:
            allocations.InstanceAllocation(
                self._context, self._instance, reportclient, provider
            ).charge(layout)
            self._save(self._record)
        except Exception:
            LOG.exception(
                'Placement has not been told of the cores that parked vCPUs '
                'do not use; the next audit does it.',
                instance=self._instance,
            )

    def _save_journal(self):
        """Promise that placement will follow; an open journal does too."""
        journal = self._record.journal or Journal(DOWN)
        self._save(replace(self._record, journal=journal))

    def _save(self, record):
        self._instance.system_metadata = records.merge(self._metadata, record)
        self._instance.save()


def _may_be_parked(instance):
    return instance.vm_state != vm_states.BUILDING and bounds.wants_scaling(
        instance.flavor.extra_specs
    )
