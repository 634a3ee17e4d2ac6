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
"""The driver seam: ``compute_driver = nova_ext.LibvirtDriver``.

A subclass of ``nova.virt.libvirt.driver.LibvirtDriver``. It leans on
``init_host``, ``cleanup_host``, ``_get_guest_config``, ``_destroy``,
``_handle_conn_event``, ``cpu_api``, and for live migration
``check_can_live_migrate_source``, ``live_migration``, which ends with all that
the manager does at the source, ``_live_migration_operation`` and
``post_live_migration_at_source`` at the source and ``post_claim_migrate_data``
at the destination (Nova 31 to 34), on ``finish_revert_migration``, which
starts a server where it was before a resize, on ``rebuild``, which Nova's
driver leaves to the compute manager, on ``virtapi._compute``, that manager,
whose tracker it replaces before its first use, and on ``nova.rpc.get_server``,
which picks the executor.
"""

import contextlib

from nova import rpc
from nova.objects import base as objects_base
from nova.virt.libvirt import driver
import oslo_messaging as messaging

from nova_ext import conf
from nova_ext.compute import endpoint
from nova_ext.compute import guest_config
from nova_ext.compute import libvirt_guest
from nova_ext.compute import live_migration
from nova_ext.compute import scaler
from nova_ext.compute import tracker
from nova_ext.compute import watch
from nova_ext.scaling import announcements
from nova_ext.scaling import coordinator

CONF = conf.CONF


#: Seconds that a stopping nova-compute waits for each scale request.
_STOP_TIMEOUT = 30


class LibvirtDriver(driver.LibvirtDriver):
    """Nova's libvirt driver, on whose servers vCPUs can be parked."""

    def __init__(self, virtapi, read_only=False):
        """Start as Nova's driver does."""
        super().__init__(virtapi, read_only=read_only)
        self._tracker = None
        self._scaler = None
        self._scaling_server = None
        self._watch = None
        self._announcements = None

    def init_host(self, host):
        """Start as Nova's driver does, then serve scale requests."""
        super().init_host(host)
        # A virtapi other than nova-compute's has no manager behind it.
        manager = getattr(self.virtapi, '_compute', None)
        if manager is not None:
            self._replace_tracker(manager, host)
            self._serve_scaling(manager, host)
            self._watch_guests(manager)

    def cleanup_host(self, host):
        """Stop serving scale requests, then stop as Nova's driver does."""
        if self._scaling_server:
            self._announcements.stop()
            self._scaling_server.stop()
            self._scaler.wait(_STOP_TIMEOUT)
            self._scaling_server.wait()
        super().cleanup_host(host)

    def _replace_tracker(self, manager, host):
        self._tracker = tracker.ResourceTracker(
            host, self, reportclient=manager.reportclient
        )
        manager.rt = self._tracker

    def _serve_scaling(self, manager, host):
        self._scaler = scaler.Scaler(
            self,
            manager.rt,
            coordinator.AgentCoordinator(CONF.nova_ext_channel.local_socket),
            manager.reportclient,
        )
        manager.rt.recover_with(self._scaler.recover, self._scaler.recharge)
        self._scaling_server = rpc.get_server(
            messaging.Target(topic=CONF.nova_ext.topic, server=host),
            [endpoint.ScalingEndpoint(self._scaler)],
            serializer=objects_base.NovaObjectSerializer(),
        )
        self._scaling_server.start()

    def _watch_guests(self, manager):
        self._watch = watch.GuestWatch(self, self._scaler)
        manager.rt.watch_with(self._watch.audited)
        libvirt_guest.watch_reboots(self, self._watch.rebooted)
        self._announcements = announcements.Announcements(
            CONF.nova_ext_channel.local_socket, self._watch.heard
        )
        self._announcements.start()

    def _handle_conn_event(self, enabled, reason):
        super()._handle_conn_event(enabled, reason)
        if enabled and self._watch:
            libvirt_guest.watch_reboots(self, self._watch.rebooted)

    def _restore(self, instance):
        """Put pins back that an older copy of the server has overwritten."""
        if self._tracker is not None:
            self._tracker.restore(instance)

    def _destroy(self, instance):
        # It powers the pCPUs down that the copy says, also where the server
        # is rebooted; and one that is shelved leaves its host with it.
        self._restore(instance)
        super()._destroy(instance)

    def post_live_migration_at_source(self, context, instance, network_info):
        """Power the pCPUs down that the server had here, and no others."""
        self._restore(instance)
        super().post_live_migration_at_source(context, instance, network_info)

    def check_can_live_migrate_source(
        self, context, instance, dest_check_data, block_device_info=None
    ):
        """Check as Nova does, before the destination claims."""
        self._restore(instance)
        return super().check_can_live_migrate_source(
            context, instance, dest_check_data, block_device_info
        )

    def rebuild(
        self,
        context,
        instance,
        image_meta,
        injected_files,
        admin_password,
        allocations,
        bdms,
        detach_block_devices,
        attach_block_devices,
        network_info=None,
        evacuate=False,
        block_device_info=None,
        preserve_ephemeral=False,
        accel_uuids=None,
        reimage_boot_volume=False,
    ):
        """Leave it to Nova, without what a failed move has left behind.

        Nova keeps the migration context of a resize that failed on its
        source, and then takes it for the evacuation's
        (``ResourceTracker.finish_evacuation``): the server would get pins
        that were claimed on another host.
        """
        if not evacuate:
            instance.drop_migration_context()
        super().rebuild(
            context,
            instance,
            image_meta,
            injected_files,
            admin_password,
            allocations,
            bdms,
            detach_block_devices,
            attach_block_devices,
            network_info,
            evacuate,
            block_device_info,
            preserve_ephemeral,
            accel_uuids,
            reimage_boot_volume,
        )

    def finish_revert_migration(
        self,
        context,
        instance,
        network_info,
        migration,
        block_device_info=None,
        power_on=True,
        share_info=None,
    ):
        """Start a server as Nova does, on the host that it has come back to.

        :param share_info: None before Nova 34, which does not know it.
        """
        if self._tracker is not None:
            self._tracker.finish_revert(context, migration)
        super().finish_revert_migration(
            context,
            instance,
            network_info,
            migration,
            block_device_info,
            power_on,
            **({} if share_info is None else {'share_info': share_info}),
        )

    def _get_guest_config(self, instance, *args, **kwargs):
        if self._tracker is not None:
            self._tracker.finish_move(instance)
        self._restore(instance)
        guest = super()._get_guest_config(instance, *args, **kwargs)
        guest_config.adapt(guest, instance)
        return guest

    def post_claim_migrate_data(self, context, instance, migrate_data, claim):
        """Tell the source where threads are to run, parked ones included."""
        migrate_data = super().post_claim_migrate_data(
            context, instance, migrate_data, claim
        )
        live_migration.park(
            migrate_data.dst_numa_info, instance, claim.claimed_numa_topology
        )
        return migrate_data

    def live_migration(
        self,
        context,
        instance,
        dest,
        post_method,
        recover_method,
        block_migration=False,
        migrate_data=None,
    ):
        """Migrate as Nova does, and let audits know that it goes on."""
        with (
            self._tracker.leaving(migrate_data.migration)
            if self._tracker is not None
            else contextlib.nullcontext()
        ):
            super().live_migration(
                context,
                instance,
                dest,
                post_method,
                recover_method,
                block_migration,
                migrate_data,
            )

    def _live_migration_operation(
        self,
        context,
        instance,
        dest,
        block_migration,
        migrate_data,
        guest,
        device_names,
    ):
        super()._live_migration_operation(
            context,
            instance,
            dest,
            block_migration,
            migrate_data,
            live_migration.migrating(guest, context, instance),
            device_names,
        )
