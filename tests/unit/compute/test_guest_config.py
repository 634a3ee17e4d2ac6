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
"""The domain XML of scalable servers, on Nova's configuration objects."""

from lxml import etree
from nova.virt.libvirt import config as vconfig
import pytest

from nova_ext.compute import guest_config
from tests.unit.compute import fakes
from tests.unit.hypervisor import schema

PINS = {0: 10, 1: 11, 2: 12, 3: 13}
FIFO = {
    **fakes.SCALABLE,
    'hw:cpu_realtime': 'yes',
    'hw:cpu_realtime_mask': '^0-1',
}


def nova_config(instance, realtime=(), emulator=(10, 11, 12, 13)):
    """Return what Nova makes of an instance's topology."""
    guest = vconfig.LibvirtConfigGuest()
    guest.virt_type = 'kvm'
    guest.uuid = instance.uuid
    guest.name = instance.name
    guest.memory = 262144
    guest.vcpus = instance.flavor.vcpus
    guest.iothreads = 1
    guest.os_type = vconfig.fields.VMMode.HVM
    guest.add_device(vconfig.LibvirtConfigGuestRng())
    guest.cputune = vconfig.LibvirtConfigGuestCPUTune()
    pins = instance.numa_topology.cells[0].cpu_pinning
    for vcpu, pcpu in sorted(pins.items()):
        pin = vconfig.LibvirtConfigGuestCPUTuneVCPUPin()
        pin.id, pin.cpuset = vcpu, {pcpu}
        guest.cputune.vcpupin.append(pin)
    guest.cputune.emulatorpin = vconfig.LibvirtConfigGuestCPUTuneEmulatorPin()
    guest.cputune.emulatorpin.cpuset = set(emulator)
    if hasattr(guest.cputune, 'iothreadpin'):
        pin = vconfig.LibvirtConfigGuestCPUTuneIOThreadPin()
        pin.iothread, pin.cpuset = 1, set(emulator)
        guest.cputune.iothreadpin.append(pin)
    if realtime:
        scheduler = vconfig.LibvirtConfigGuestCPUTuneVCPUSched()
        scheduler.vcpus = set(realtime)
        scheduler.scheduler, scheduler.priority = 'fifo', 1
        guest.cputune.vcpusched.append(scheduler)
    return guest


def instance_of(specs=None, offline=()):
    pins = dict(PINS)
    metadata = {}
    if offline:
        pins.update(dict.fromkeys(offline, 10))
        mask = sum(1 << vcpu for vcpu in offline)
        metadata['nova_ext_offline'] = hex(mask)
    return fakes.instance(
        fakes.cell(pins), specs=specs, system_metadata=metadata
    )


def without_channel(xml):
    parser = etree.XMLParser(remove_blank_text=True)
    root = etree.fromstring(xml, parser)
    for channel in root.findall('devices/channel'):
        channel.getparent().remove(channel)
    return etree.tostring(root)


def tuning(guest, path, attribute):
    root = etree.fromstring(guest.to_xml())
    return [one.get(attribute) for one in root.iterfind('cputune/' + path)]


def thread_pins(guest):
    """Return where the emulator and, since 2026.1, the I/O thread are."""
    return {
        *tuning(guest, 'emulatorpin', 'cpuset'),
        *tuning(guest, 'iothreadpin', 'cpuset'),
    }


@pytest.mark.parametrize(
    'specs',
    [
        {},
        {'hw:cpu_policy': 'dedicated'},
        {'hw:cpu_policy': 'shared'},
        {'sw:wrs:srv_grp_messaging': 'false'},
    ],
)
def test_a_server_that_is_none_of_ours_keeps_novas_xml(specs):
    instance = instance_of(specs)
    guest = nova_config(instance)
    before = guest.to_xml()
    guest_config.adapt(guest, instance)
    assert guest.to_xml() == before


@pytest.mark.parametrize(
    'specs',
    [
        fakes.SCALABLE,
        FIFO,
        {'sw:wrs:srv_grp_messaging': 'True'},
        {'wrs:srv_grp_messaging': 'true'},
    ],
)
def test_a_server_that_never_scaled_gets_the_channel_only(specs):
    instance = instance_of(specs)
    realtime = (2, 3) if specs is FIFO else ()
    guest = nova_config(instance, realtime)
    before = guest.to_xml()
    guest_config.adapt(guest, instance)
    after = guest.to_xml()
    assert after != before
    assert without_channel(after) == without_channel(before)


def test_the_channel(config):
    config(group='nova_ext_channel', guest_socket_dir='/run/guests')
    instance = instance_of()
    guest = nova_config(instance)
    guest_config.adapt(guest, instance)
    root = etree.fromstring(guest.to_xml())
    (channel,) = root.findall('devices/channel')
    assert channel.get('type') == 'unix'
    assert dict(channel.find('source').attrib) == {
        'mode': 'bind',
        'path': '/run/guests/cgcs.messaging.instance-00000001.sock',
    }
    assert dict(channel.find('target').attrib) == {
        'type': 'virtio',
        'name': 'cgcs.messaging',
    }


def test_a_flavor_whose_minimum_is_wrong_still_has_the_channel():
    instance = instance_of({'wrs:min_vcpus': 'many'})
    guest = nova_config(instance)
    guest_config.adapt(guest, instance)
    assert 'cgcs.messaging' in guest.to_xml()


def test_parked_vcpus_are_no_longer_real_time():
    instance = instance_of(FIFO, offline=[3])
    guest = nova_config(instance, (2, 3), emulator=(10, 11))
    guest_config.adapt(guest, instance)
    assert tuning(guest, 'vcpusched', 'vcpus') == ['2']
    assert tuning(guest, 'emulatorpin', 'cpuset') == ['10-11']


def test_no_scheduler_is_left_without_vcpus():
    instance = instance_of(FIFO, offline=[2, 3])
    guest = nova_config(instance, (2, 3), emulator=(10, 11))
    guest_config.adapt(guest, instance)
    assert tuning(guest, 'vcpusched', 'vcpus') == []


def test_the_emulator_and_io_threads_leave_freed_cores():
    instance = instance_of(offline=[1, 3])
    guest = nova_config(instance, emulator=(10, 12))
    guest_config.adapt(guest, instance)
    assert thread_pins(guest) == {'10,12'}


def test_a_freed_core_of_a_real_time_server_is_nobodys():
    """Nova counts a parked real-time vCPU's pin, which is the parking one."""
    instance = instance_of({**FIFO, 'hw:cpu_realtime_mask': '^0'}, offline=[1])
    guest = nova_config(instance, (1, 2, 3), emulator=(10,))
    guest_config.adapt(guest, instance)
    assert tuning(guest, 'emulatorpin', 'cpuset') == ['10']
    assert tuning(guest, 'vcpusched', 'vcpus') == ['2-3']


def test_an_emulator_with_cores_of_its_own_stays_there():
    specs = {**fakes.SCALABLE, 'hw:emulator_threads_policy': 'isolate'}
    instance = instance_of(specs, offline=[3])
    guest = nova_config(instance, emulator=(20,))
    guest_config.adapt(guest, instance)
    assert thread_pins(guest) == {'20'}


def test_a_nova_that_does_not_pin_io_threads():
    """Before 2026.1, ``cputune`` has no such attribute."""
    instance = instance_of(FIFO, offline=[3])
    guest = nova_config(instance, (2, 3), emulator=(10, 11, 13))
    vars(guest.cputune).pop('iothreadpin', None)
    guest_config.adapt(guest, instance)
    assert guest.cputune.emulatorpin.cpuset == {10, 11}
    assert [each.vcpus for each in guest.cputune.vcpusched] == [{2}]


@pytest.mark.parametrize('offline', [(), (3,), (2, 3)])
def test_libvirt_takes_the_result(offline):
    instance = instance_of(FIFO, offline=offline)
    guest = nova_config(instance, (2, 3), emulator=(10, 11))
    guest_config.adapt(guest, instance)
    assert schema.errors(guest.to_xml()) == []
