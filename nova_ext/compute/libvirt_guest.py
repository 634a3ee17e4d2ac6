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
"""The port ``Domain`` of an instance, from Nova's libvirt driver.

Leans on ``LibvirtDriver._host.get_guest``, ``Guest.is_active`` and the
``virDomain`` in ``Guest._domain`` (Nova 31 to 34). libvirt is reached through
Nova's own late import.
"""

from nova import exception as nova_exception
from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging
from oslo_utils import importutils

from nova_ext import conf
from nova_ext.hypervisor.domain import LiveDomain

LOG = logging.getLogger(__name__)
CONF = conf.CONF

#: ``VIR_DOMAIN_EVENT_ID_REBOOT`` of libvirt: a guest's reset, from inside.
EVENT_REBOOT = 1


def find_running(driver, instance):
    """Return the instance's :class:`LiveDomain`, None if it does not run."""
    try:
        guest = driver._host.get_guest(instance)
    except nova_exception.InstanceNotFound:
        return None
    if not guest.is_active():
        return None
    return LiveDomain(
        guest._domain,
        nova_guest.libvirt.libvirtError,
        ask_monitor,
        CONF.libvirt.realtime_scheduler_priority,
    )


def uuid_of(driver, name):
    """Return the uuid of the domain with a name, None if there is none.

    Leans on ``LibvirtDriver._host.get_connection``.
    """
    try:
        domain = driver._host.get_connection().lookupByName(name)
        return domain.UUIDString()
    except nova_guest.libvirt.libvirtError:
        return None


def watch_reboots(driver, rebooted):
    """Have a function called with the uuid of each guest that resets itself.

    On the present connection to libvirt; a later one needs it anew. The
    function runs in libvirt's own thread and must neither log nor block.
    """
    try:
        driver._host.get_connection().domainEventRegisterAny(
            None,
            EVENT_REBOOT,
            lambda connection, domain, opaque: rebooted(domain.UUIDString()),
            None,
        )
    except nova_guest.libvirt.libvirtError as error:
        LOG.warning('Resets of guests go unnoticed: %s', error)


def ask_monitor(domain, command, flags):
    """Ask QEMU's monitor; ``libvirt_qemu`` is imported when first needed."""
    libvirt_qemu = importutils.import_module('libvirt_qemu')
    return libvirt_qemu.qemuMonitorCommand(domain, command, flags)
