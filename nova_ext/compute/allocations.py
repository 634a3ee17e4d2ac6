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
"""The port ``Allocation``: the placement allocation of one instance.

Leans on ``SchedulerReportClient.get_allocs_for_consumer`` and
``put_allocations`` (Nova 19 and newer). Values are absolute, so that doing it
again after a crash does no harm; two requests each time.
"""

from keystoneauth1 import exceptions as keystone_exception
from nova import exception as nova_exception
from oslo_log import log as logging

from nova_ext import conf
from nova_ext import exception
from nova_ext.model import usage

LOG = logging.getLogger(__name__)
CONF = conf.CONF

#: A dedicated vCPU is a PCPU; a host with the legacy ``vcpu_pin_set`` reports
#: VCPU, and Nova's scheduler then asks for that.
CORE_CLASSES = ('PCPU', 'VCPU')


class InstanceAllocation:
    """Charges one instance; see :class:`nova_ext.scaling.ports.Allocation`."""

    def __init__(self, context, instance, reportclient, provider):
        """Take up an instance with its flavor.

        :param provider: uuid of this host's provider. An evacuated server has
            an allocation of its old host too, until that comes back.
        """
        self._context = context
        self._instance = instance
        self._client = reportclient
        self._provider = provider

    def charge(self, layout):
        """See the port."""
        payload = self._allocations()
        cores = cores_of(self._instance.flavor, layout)
        changed = _set_cores(
            payload['allocations'].get(self._provider, {}), cores
        )
        if changed:
            self._put(payload)

    def _allocations(self):
        try:
            found = self._client.get_allocs_for_consumer(
                self._context, self._instance.uuid
            )
        except (
            keystone_exception.ClientException,
            nova_exception.ConsumerAllocationRetrievalFailed,
        ) as error:
            raise self._failed('read', error) from error
        for allocation in found['allocations'].values():
            allocation.pop('generation', None)
        return found

    def _put(self, payload):
        try:
            taken = self._client.put_allocations(
                self._context, self._instance.uuid, payload
            )
        except nova_exception.NovaException as error:
            raise self._failed('changed', error) from error
        if not taken:
            # Nova says the same of an error of placement, as without its
            # database, where it cannot be asked either.
            self._allocations()
            raise exception.InsufficientResources(
                reason='no free pcpu available on host: placement refused '
                'the allocation'
            )

    def _failed(self, what, error):
        LOG.warning(
            'Server %(server)s: its allocation could not be %(what)s: '
            '%(error)s',
            {'server': self._instance.uuid, 'what': what, 'error': error},
        )
        return exception.PlacementFailed(reason=exception.name_of(error))


def cores_of(flavor, layout):
    """Return how many cores a layout costs.

    The flavor's vCPUs, and one for isolated emulator threads
    (``nova.scheduler.utils.ResourceRequest``), less the offline vCPUs, unless
    the operator wants them charged.
    """
    extra = usage.extra_cores_of(flavor.extra_specs)
    full = CONF.nova_ext_scaling.accounting == 'full'
    return flavor.vcpus + extra - (0 if full else len(layout.offline))


def is_right(instance, layout, allocation):
    """Return whether a server is charged what its layout costs.

    :param allocation: what placement has of it on its host, None for nothing:
        what is not there cannot be corrected.
    """
    resources = (allocation or {}).get('resources', {})
    core_class = _class_in(resources)
    return core_class is None or resources[core_class] == cores_of(
        instance.flavor, layout
    )


def _class_in(resources):
    return next((one for one in CORE_CLASSES if one in resources), None)


def _set_cores(allocation, cores):
    resources = allocation.get('resources', {})
    core_class = _class_in(resources)
    if core_class is None:
        raise exception.PlacementFailed(
            reason='the server has no allocation of %s of this host'
            % ' or '.join(CORE_CLASSES)
        )
    changed = resources[core_class] != cores
    resources[core_class] = cores
    return changed
