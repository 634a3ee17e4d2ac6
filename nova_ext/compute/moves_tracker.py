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
"""What servers on the move count for, and what their moves have left.

An audit of Nova's reads what a move writes in several steps, on two hosts.
Between some of these steps nobody counts the cores that a server runs on, and
they are free for others until the next audit. This keeps them counted, of any
server. Leans on ``_update_usage_from_migrations`` and
``_update_usage_from_migration``, which count what comes and goes, and on
``drop_move_claim`` and ``drop_move_claim_at_dest``, which end a claim (Nova 31
to 34).
"""

import contextlib

from nova import exception as nova_exception
from nova import objects
from oslo_log import log as logging

from nova_ext.compute import cores_tracker
from nova_ext.compute import cut_off
from nova_ext.compute import evacuated
from nova_ext.compute import store
from nova_ext.compute import stranded

LOG = logging.getLogger(__name__)


class MovesTracker(cores_tracker.CoresTracker):
    """Counts servers wherever a move has brought them."""

    def __init__(self, host, driver, reportclient=None):
        """Take the place of Nova's tracker, before its first use."""
        super().__init__(host, driver, reportclient=reportclient)
        self._leaving = set()
        self._coming = {}

    # -- servers that are here ---------------------------------------------

    def settle_pins(self, instance):
        """Set a server's pins right that an audit is about to count."""
        self._coming.pop(instance.uuid, None)
        self._stay(instance)
        self.finish_move(instance)

    def finish_move(self, instance):
        """Set a server's pins right after a move that was cut off."""
        try:
            cut_off.finish(instance, self.host)
        except Exception:
            LOG.exception(
                'The pins of a server whose move was cut off could not be '
                'saved; the next audit tries again.',
                instance=instance,
            )

    def _stay(self, instance):
        try:
            cut_off.stay(instance, self.host)
        except Exception:
            LOG.exception(
                'Whether a server leaves this host could not be found out; it '
                'is counted as Nova does.',
                instance=instance,
            )

    # -- servers that come and go ------------------------------------------

    def remember(self, instance):
        """Keep the claim of a live migration to this host.

        Nova drops it a moment before it saves the server as this host's
        (``ComputeManager.post_live_migration_at_destination``).
        """
        self._coming[instance.uuid] = instance.migration_context

    def _recall(self, instance, migration):
        claim = self._coming.get(migration.instance_uuid)
        if (
            claim is not None
            and claim.migration_id == migration.id
            and instance.migration_context is None
        ):
            instance.migration_context = claim

    def drop_move_claim(self, context, instance, *args, **kwargs):
        """Take a claim back."""
        self._coming.pop(instance.uuid, None)
        super().drop_move_claim(context, instance, *args, **kwargs)

    def _update_usage_from_migration(
        self, context, instance, migration, nodename
    ):
        """Count a migration, but not an old one of a server that scales.

        The task state of a scale request is one of a resize's, and of those
        an audit takes a migration that has failed or was cut off long ago for
        the present one, on both of its hosts. Before a resize has a claim
        there is nothing to count either.
        """
        self._recall(instance, migration)
        if not _only_scales(instance, migration):
            super()._update_usage_from_migration(
                context, instance, migration, nodename
            )

    def _update_usage_from_migrations(self, context, migrations, nodename):
        """Count evacuated servers until they are this host's, too.

        Nova counts none whose task state is that of a server that has been
        started, or is stopped again.
        """
        super()._update_usage_from_migrations(context, migrations, nodename)
        for migration in migrations:
            try:
                self._count_evacuated(context, migration, nodename)
            except Exception:
                LOG.exception(
                    'Whether server %s has been evacuated to this host could '
                    'not be found out; the next audit looks again.',
                    migration.instance_uuid,
                )

    def _count_evacuated(self, context, migration, nodename):
        if (
            migration.dest_compute != self.host
            or migration.instance_uuid in self.tracked_migrations
        ):
            return
        try:
            instance = migration.instance
        except nova_exception.InstanceNotFound:
            return
        if evacuated.is_started(instance, migration):
            self._update_usage_from_migration(
                context, instance, migration, nodename
            )

    # -- what moves have left ----------------------------------------------

    def _finish_evacuations(self, context, nodename):
        try:
            return evacuated.finish(context, self, nodename)
        except Exception:
            LOG.exception(
                'Evacuations that were cut off could not be looked for; the '
                'next start of nova-compute tries again.'
            )
            return False

    @contextlib.contextmanager
    def leaving(self, migration):
        """Let audits know that nova-compute works on a live migration.

        Its own last step audits, when the server is the new host's already.

        :param migration: from this host.
        """
        self._leaving.add(migration.uuid)
        try:
            yield
        finally:
            self._leaving.discard(migration.uuid)

    def _settle_moves(self, context, nodename):
        if nodename not in self.compute_nodes:
            return {}
        try:
            return stranded.settle(
                context,
                self.reportclient,
                self.compute_nodes[nodename],
                self.tracked_instances | self._leaving,
            )
        except Exception:
            LOG.exception(
                'What moves have left behind could not be settled; the next '
                'audit tries again.'
            )
            return {}

    # -- reverts -----------------------------------------------------------

    def drop_move_claim_at_dest(self, context, instance, migration):
        """Give the server of a resize back, which its old host awaits.

        Nova ends the migration here, and neither host counts what has ended,
        before the old host has the server again. So it goes on in the
        database, as Nova's API has saved it; the copy that the old host is
        sent has ended, as the port bindings of ``nova.network.neutron`` want
        it. A move to another cell, or to nowhere, is left to Nova.
        """
        if not _is_awaited(migration):
            super().drop_move_claim_at_dest(context, instance, migration)
            return
        ended = _Unsaved(migration)
        super().drop_move_claim_at_dest(context, instance, ended)
        migration.status = ended.status
        migration.obj_reset_changes(['status'])

    def finish_revert(self, context, migration):
        """End a migration whose server is on its old host again."""
        saved = objects.Migration.get_by_id(context, migration.id)
        saved.status = 'reverted'
        saved.save()


# Nova's own tests make instances and migrations that lack what is asked for
# by ``in`` here.


def _only_scales(instance, migration):
    return (
        'task_state' in instance
        and instance.task_state == store.TASK_STATE
        and 'status' in migration
        and (instance.migration_context is None or migration.status == 'error')
    )


def _is_awaited(migration):
    """Return whether another host has to hear of a revert."""
    return (
        'source_compute' in migration
        and migration.source_compute != migration.dest_compute
        and not migration.cross_cell_move
    )


class _Unsaved:
    """A migration whose end is not saved."""

    def __init__(self, migration):
        self._migration = migration

    def __getattr__(self, name):
        return getattr(self._migration, name)

    def save(self):
        """Leave the database as it is."""
