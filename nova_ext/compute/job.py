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
"""One instance with all that scaling it needs."""

from dataclasses import replace

from nova.compute import vm_states

from nova_ext import conf
from nova_ext import exception
from nova_ext.compute import allocations
from nova_ext.compute import announce
from nova_ext.compute import host
from nova_ext.compute import libvirt_guest
from nova_ext.compute import power
from nova_ext.compute import store
from nova_ext.compute import topology
from nova_ext.model.record import DOWN
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling import request
from nova_ext.scaling import telling
from nova_ext.scaling.operation import GuestRules
from nova_ext.scaling.planning import Circumstances
from nova_ext.scaling.ports import Ports
from nova_ext.scaling.recovery import Recovery
from nova_ext.wire import addresses

CONF = conf.CONF


class Job:
    """A freshly read instance, its record, and the ports to its world."""

    def __init__(
        self,
        context,
        instance,
        driver,
        tracker,
        coordinator,
        reportclient,
        may_save=True,
    ):
        """Take up an instance of this host.

        :param may_save: whether what was overwritten of it is put back in the
            database, too; not for who only looks.
        :raises exception.ServerBusy: it has left this host, or the host has
            not been audited yet.
        """
        if instance.host != tracker.host:
            raise exception.ServerBusy(
                reason='Instance %s is on host %s now'
                % (instance.uuid, instance.host)
            )
        tracker.check_audited(instance.node)
        tracker.restore(instance, may_save)
        self._context = context
        self._instance = instance
        self._guest = libvirt_guest.find_running(driver, instance)
        self.server = topology.server_of(instance)
        self.record = ScaleRecord.from_metadata(instance.system_metadata)
        self._store = store.InstanceStore(instance, tracker.claimed)
        cores = power.CorePower(driver.cpu_api)
        self._host = host.HostCores(tracker, self._store, cores, instance)
        self.ports = Ports(
            guest=coordinator,
            store=self._store,
            host=self._host,
            allocation=allocations.InstanceAllocation(
                context,
                instance,
                reportclient,
                tracker.compute_nodes[instance.node].uuid,
            ),
            domain=self._guest,
            power=cores,
        )

    def circumstances(self):
        """Return what holds for a request of the job's caller right now."""
        instance = self._instance
        return Circumstances(
            vm_state=instance.vm_state,
            task_state=instance.task_state,
            locked=instance.locked and not self._context.is_admin,
            running=self._guest is not None,
            listening=self._is_listening(),
            host_picks=_rules().host_picks,
            free_pcpus=self._host.free_pcpus,
            isolated=self._host.isolated,
        )

    def telling(self):
        """Return what tells the guest which vCPUs are parked."""
        return telling.Telling(
            self.server.name,
            self.server.layout,
            self.ports.guest,
            _rules().timeout,
        )

    def carry_out(self, plan, record):
        """Carry out a journalled plan; see :func:`request.carry_out`."""
        with announce.scaling(self._context, self._instance):
            return request.carry_out(
                plan, self.server, record, self.ports, _rules()
            )

    def recover(self):
        """Make everything agree with the record, and save how it went.

        :returns: what is in the way of it, None if all agrees now.
        :raises exception.Interrupted: another operation runs on the server.
        """
        claimed = not self.record.journal.guest_only
        if claimed:
            self._store.reclaim(self.record)
        recovered = Recovery(
            self.server,
            self.record,
            self.ports,
            _rules(),
            running=self._guest is not None,
            listening=self._is_listening() is not False,
        ).run()
        record = request.after_recovery(self.record, recovered)
        if claimed:
            self._store.finish(record, recovered.layout)
        elif record != self.record:
            self._store.note(record)
        return recovered.error

    def recharge(self):
        """Set the allocation to what the record says.

        :raises exception.NovaExtError: another operation runs on the server,
            or placement did not take it.
        """
        if self._instance.vm_state == vm_states.RESIZED or self.record.journal:
            return
        self._store.reclaim(replace(self.record, journal=Journal(DOWN)))
        try:
            self.ports.allocation.charge(self.server.layout)
        finally:
            self._store.finish(self.record, self.server.layout)

    def _is_listening(self):
        return self._guest and self._guest.is_listening(addresses.PORT_NAME)


def _rules():
    options = CONF.nova_ext_scaling
    return GuestRules(
        timeout=options.guest_timeout,
        host_picks=options.on_silent_guest == 'host_picks',
    )
