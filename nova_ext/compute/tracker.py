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
"""The tracker seam: what becomes of scaled-down servers that come and go.

A subclass, by way of :mod:`nova_ext.compute.moves_tracker`, of
``nova.compute.resource_tracker.ResourceTracker``. It leans on
``live_migration_claim``, ``rebuild_claim`` (an evacuation; a rebuild where it
is claims nothing) and ``instance_claim`` (an unshelving), which all claim for
the flavor, on ``drop_move_claim_at_source``, which ends a resize, and on
``update_available_resource``, the audit (Nova 31 to 34).
"""

from nova import exception as nova_exception
from nova.compute import claims
from nova.compute import vm_states
from oslo_log import log as logging

from nova_ext.compute import allocations
from nova_ext.compute import arrival
from nova_ext.compute import moves_tracker
from nova_ext.compute import plugin_tracker
from nova_ext.compute import store
from nova_ext.compute import topology
from nova_ext.model import record as records
from nova_ext.model import usage
from nova_ext.model.record import JOURNAL_KEY
from nova_ext.model.record import OFFLINE_KEY

LOG = logging.getLogger(__name__)


class ResourceTracker(moves_tracker.MovesTracker):
    """Nova's tracker, which knows scaled-down servers."""

    def __init__(self, host, driver, reportclient=None):
        """Take the place of Nova's tracker, before its first use."""
        super().__init__(host, driver, reportclient=reportclient)
        self._journalled = set()
        self._recover = None
        self._recharge = None
        self._scaled_down = []
        self._watch = None

    # -- audits ------------------------------------------------------------

    def recover_with(self, recover, recharge):
        """Register what is called after audits, outside of Nova's lock.

        Each takes a context and a list of instance uuids.

        :param recover: is called with unfinished scale requests.
        :param recharge: with the scaled-down servers whose allocation does not
            follow their record, as after ``nova-manage placement
            heal_allocations``.
        """
        self._recover = recover
        self._recharge = recharge

    def watch_with(self, watch):
        """Register what is called with an audit's scaled-down servers.

        :param watch: takes a list of instances with flavor, numa_topology and
            system_metadata; called after the audit, outside of Nova's lock.
        """
        self._watch = watch

    def update_available_resource(self, context, nodename, startup=False):
        """Audit, then look after what the audit found."""
        super().update_available_resource(context, nodename, startup=startup)
        if startup and self._finish_evacuations(context, nodename):
            super().update_available_resource(context, nodename)
        allocated = self._settle_moves(context, nodename)
        journalled, self._journalled = self._journalled, set()
        scaled_down, self._scaled_down = self._scaled_down, []
        if self._recover and journalled:
            self._recover(context, sorted(journalled))
        wrong = [
            instance.uuid
            for instance in scaled_down
            if instance.uuid not in journalled
            and not _is_charged_rightly(instance, allocated)
        ]
        if self._recharge and wrong:
            self._recharge(context, wrong)
        if self._watch:
            self._watch(scaled_down)

    def _update_usage_from_instances(self, context, instances, nodename):
        for instance in instances:
            self.settle_pins(instance)
            if self._is_unfinished(instance):
                self._journalled.add(instance.uuid)
            if _is_scaled_down(instance):
                self._scaled_down.append(instance)
        return super()._update_usage_from_instances(
            context, instances, nodename
        )

    def _is_unfinished(self, instance):
        """Return whether recovery may and must look at an instance.

        Other operations are left alone; so is a server whose resize may still
        be reverted: its record is that of the old host.
        """
        return (
            'system_metadata' in instance
            and JOURNAL_KEY in instance.system_metadata
            and instance.vm_state != vm_states.RESIZED
            and (
                instance.task_state is None
                or store.is_left_over(instance, self.claimed)
            )
        )

    # -- arrivals ----------------------------------------------------------

    def instance_claim(
        self, context, instance, nodename, allocations, limits=None
    ):
        """Claim for a new or an unshelved server."""
        return self._arrive(
            context,
            instance,
            nodename,
            lambda: super(ResourceTracker, self).instance_claim(
                context, instance, nodename, allocations, limits=limits
            ),
        )

    def resize_claim(self, context, instance, *args, **kwargs):
        """Claim for a server that comes with all its vCPUs."""
        self.forget_switched(instance.uuid)
        return super().resize_claim(context, instance, *args, **kwargs)

    def rebuild_claim(
        self,
        context,
        instance,
        nodename,
        allocations,
        limits=None,
        image_meta=None,
        migration=None,
    ):
        """Claim for an evacuated server."""
        return self._arrive(
            context,
            instance,
            nodename,
            lambda: super(ResourceTracker, self).rebuild_claim(
                context,
                instance,
                nodename,
                allocations,
                limits=limits,
                image_meta=image_meta,
                migration=migration,
            ),
        )

    def live_migration_claim(
        self, context, instance, nodename, migration, limits, allocs
    ):
        """Claim for a server that comes running."""
        claimed = self._arrive(
            context,
            instance,
            nodename,
            lambda: super(ResourceTracker, self).live_migration_claim(
                context, instance, nodename, migration, limits, allocs
            ),
        )
        self.remember(instance)
        return claimed

    def _arrive(self, context, instance, nodename, claim):
        """Claim what Nova claims, and give back what parked vCPUs leave.

        :param claim: makes Nova's claim.
        :raises nova.exception.ComputeResourcesUnavailable: it does not fit,
            or could not be parked.
        """
        self.forget_switched(instance.uuid)
        arriving = arrival.Arrival(context, instance)
        if not arriving.offline:
            return claim()
        claimed, layout = self._claim_and_park(nodename, arriving, claim)
        arriving.charge(
            self.reportclient, self.compute_nodes[nodename].uuid, layout
        )
        return claimed

    @plugin_tracker.synchronized
    def _claim_and_park(self, nodename, arriving, claim):
        claimed = claim()
        wanted = claimed.claimed_numa_topology
        before, after = arriving.layouts(wanted)
        save = (
            arriving.save_moving
            if isinstance(claimed, claims.MoveClaim)
            else arriving.save_spawning
        )
        try:
            self._switch(
                nodename,
                before,
                after,
                usage.is_isolated(wanted),
                lambda: save(claimed, after),
            )
        except Exception as error:
            LOG.exception('A scaled-down server could not be parked here.')
            claimed.abort()
            raise nova_exception.ComputeResourcesUnavailable(
                reason='The vCPUs that are offline could not be parked: %s'
                % error
            ) from error
        return claimed, after

    # -- the end of a resize -----------------------------------------------

    def drop_move_claim_at_source(self, context, instance, migration):
        """Confirm a resize, after which all vCPUs are online for good."""
        super().drop_move_claim_at_source(context, instance, migration)
        kept = records.ScaleRecord.from_metadata(instance.system_metadata)
        instance.system_metadata = records.merge(
            instance.system_metadata, records.ScaleRecord(last=kept.last)
        )


def _is_scaled_down(instance):
    return (
        'system_metadata' in instance
        and OFFLINE_KEY in instance.system_metadata
    )


def _is_charged_rightly(instance, allocated):
    """Return so, too, where an operation runs that changes it."""
    return instance.task_state is not None or allocations.is_right(
        instance,
        topology.server_of(instance).layout,
        allocated.get(instance.uuid),
    )
