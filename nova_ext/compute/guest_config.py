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
"""What this package changes in the domain XML that Nova makes.

It works on Nova's configuration objects, after Nova has filled them: on
``LibvirtConfigGuestChannel`` and on ``LibvirtConfigGuestCPUTune`` with its
``vcpusched`` and ``emulatorpin`` (``nova.virt.libvirt.config``, Nova 31 to 34)
and ``iothreadpin`` (since 33). A server that is not scaled down keeps Nova's
XML but for the channel device. Parked vCPUs need no pins of their own here:
their pCPU in ``instance.numa_topology`` is the parking pCPU already.
"""

import os

from nova.virt.libvirt import config as vconfig

from nova_ext import conf
from nova_ext.compute import topology
from nova_ext.model import bounds
from nova_ext.model import messaging
from nova_ext.model import pinning
from nova_ext.wire import addresses

CONF = conf.CONF


def adapt(guest, instance):
    """Add the channel device and take parked vCPUs out of Nova's tuning.

    :param guest: the ``LibvirtConfigGuest`` that Nova has filled.
    """
    specs = instance.flavor.extra_specs
    scaling = bounds.wants_scaling(specs)
    if scaling or messaging.wants_messaging(specs):
        guest.add_device(_channel(instance))
    if not scaling:
        return
    server = topology.server_of(instance)
    if server.layout.offline and guest.cputune:
        _tune(guest.cputune, server)


def _channel(instance):
    channel = vconfig.LibvirtConfigGuestChannel()
    channel.type = 'unix'
    channel.target_name = addresses.PORT_NAME
    channel.source_path = os.path.join(
        CONF.nova_ext_channel.guest_socket_dir,
        addresses.socket_name(instance.name),
    )
    return channel


def _tune(cputune, server):
    for scheduler in cputune.vcpusched:
        scheduler.vcpus = set(scheduler.vcpus) - server.layout.offline
    cputune.vcpusched = [
        scheduler for scheduler in cputune.vcpusched if scheduler.vcpus
    ]
    if server.emulator_floats:
        pcpus = set(pinning.emulator_pcpus(server.layout))
        cputune.emulatorpin.cpuset = pcpus
        # Nova 33 and newer pin I/O threads.
        for iothread in getattr(cputune, 'iothreadpin', ()):
            iothread.cpuset = pcpus
