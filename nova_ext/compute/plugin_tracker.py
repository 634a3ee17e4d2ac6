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
"""The tracker seam: resource plug-ins hear of all that comes and goes.

A subclass of ``nova.compute.resource_tracker.ResourceTracker``. It leans on
the places where Nova counts itself (Nova 31 to 34): ``_init_compute_node``
and ``_update_usage_from_instances`` at the start of an audit,
``_get_usage_dict`` and ``_update_usage`` for every server or flavor that is
added or removed, ``instance_claim`` and ``_move_claim``, ``_update`` when the
compute node is saved, ``_report_final_resource_view`` and ``remove_node``.
Nova holds its ``compute_resources`` lock in all of them but
``instance_claim``, which takes it, and ``remove_node``, which does not; so it
is taken here. The lock may be taken again by its holder.
"""

from nova import exception as nova_exception
from nova import objects
from nova import utils
from nova.compute import claims
from nova.compute import resource_tracker
from nova.pci import request as pci_request
from nova.virt import hardware
from oslo_log import log as logging

from nova_ext import conf
from nova_ext.compute import plugins
from nova_ext.compute import usage as translate

LOG = logging.getLogger(__name__)
CONF = conf.CONF

synchronized = utils.synchronized(
    resource_tracker.COMPUTE_RESOURCE_SEMAPHORE, fair=True
)


class PluginTracker(resource_tracker.ResourceTracker):
    """Nova's tracker, which also asks and informs resource plug-ins."""

    def __init__(self, host, driver, reportclient=None):
        """Load the plug-ins.

        :raises exception.PluginError: nova-compute is not to start.
        """
        super().__init__(host, driver, reportclient=reportclient)
        self._plugins = plugins.NodePlugins(CONF.compute_resources)

    # -- audits ------------------------------------------------------------

    def _init_compute_node(self, context, resources):
        if self._plugins:
            self._plugins.report(resources['hypervisor_hostname'], resources)
        return super()._init_compute_node(context, resources)

    def _update_usage_from_instances(self, context, instances, nodename):
        if self._plugins:
            self._plugins.reset(self.compute_nodes[nodename])
        return super()._update_usage_from_instances(
            context, instances, nodename
        )

    def _report_final_resource_view(self, nodename):
        super()._report_final_resource_view(nodename)
        if self._plugins:
            self._plugins.report_free(nodename)

    @synchronized
    def remove_node(self, nodename):
        """Forget a node that has gone."""
        self._plugins.forget(nodename)
        super().remove_node(nodename)

    # -- what comes and goes -----------------------------------------------

    def _get_usage_dict(self, object_or_dict, instance, **updates):
        usage = super()._get_usage_dict(object_or_dict, instance, **updates)
        if self._plugins:
            flavor = object_or_dict
            if not isinstance(flavor, objects.Flavor):
                flavor = instance.flavor
            usage[plugins.KEY] = translate.usage_of(
                instance, flavor, usage.get('numa_topology')
            )
        return usage

    def _update_usage(self, usage, nodename, sign=1):
        super()._update_usage(usage, nodename, sign=sign)
        if plugins.KEY in usage:
            self._plugins.count(nodename, usage[plugins.KEY], sign)

    def _update(self, context, compute_node, *args, **kwargs):
        self._plugins.write(compute_node)
        super()._update(context, compute_node, *args, **kwargs)

    # -- claims ------------------------------------------------------------

    def instance_claim(
        self, context, instance, nodename, allocations, limits=None
    ):
        """Claim for a new server, if the plug-ins do not mind.

        :raises nova.exception.ComputeResourcesUnavailable: they do.
        """
        if not self._plugins:
            return super().instance_claim(
                context, instance, nodename, allocations, limits=limits
            )
        return self._tested_claim(
            context, instance, nodename, allocations, limits
        )

    @synchronized
    def _tested_claim(self, context, instance, nodename, allocations, limits):
        reasons = self._plugins.refusals(
            nodename,
            translate.request_of(
                instance, instance.flavor, instance.numa_topology
            ),
            _limits_of(limits),
        )
        if reasons:
            raise _refusal(
                instance,
                reasons,
                claims.Claim,
                context,
                instance,
                nodename,
                self,
                self.compute_nodes[nodename],
                instance.pci_requests,
                limits=limits,
            )
        return super().instance_claim(
            context, instance, nodename, allocations, limits=limits
        )

    def _move_claim(
        self,
        context,
        instance,
        new_flavor,
        nodename,
        migration,
        allocations,
        move_type=None,
        image_meta=None,
        limits=None,
    ):
        if self._plugins:
            self._test_move(
                context,
                instance,
                new_flavor,
                nodename,
                migration,
                image_meta,
                limits,
            )
        return super()._move_claim(
            context,
            instance,
            new_flavor,
            nodename,
            migration,
            allocations,
            move_type=move_type,
            image_meta=image_meta,
            limits=limits,
        )

    def _test_move(
        self, context, instance, flavor, nodename, migration, image, limits
    ):
        image = image or {}
        if isinstance(image, dict):
            image = objects.ImageMeta.from_dict(image)
        reasons = self._plugins.refusals(
            nodename,
            translate.request_of(
                instance, flavor, hardware.numa_get_constraints(flavor, image)
            ),
            _limits_of(limits),
        )
        if reasons:
            raise _refusal(
                instance,
                reasons,
                claims.MoveClaim,
                context,
                instance,
                nodename,
                flavor,
                image,
                self,
                self.compute_nodes[nodename],
                pci_request.get_pci_requests_from_flavor(flavor),
                migration or objects.Migration(migration_type='migration'),
                limits=limits,
            )


def _limits_of(limits):
    if isinstance(limits, objects.SchedulerLimits):
        return limits.to_dict()
    return limits or {}


def _refusal(instance, reasons, nova_claim, *args, **kwargs):
    """Return Nova's own exception with Nova's reasons and then ours.

    :param nova_claim: the class whose constructor is Nova's test, with its
        arguments; it changes nothing.
    """
    try:
        nova_claim(*args, **kwargs)
    except nova_exception.ComputeResourcesUnavailable as error:
        reasons = [error.kwargs['reason'], *reasons]
    except Exception:
        LOG.debug('Nova could not test the claim.', exc_info=True)
    text = '; '.join(reasons)
    LOG.info('Failed to claim: %s', text, instance=instance)
    return nova_exception.ComputeResourcesUnavailable(reason=text)
