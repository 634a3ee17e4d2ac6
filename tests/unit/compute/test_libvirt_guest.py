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
"""The running domain of an instance, through Nova's driver."""

import sys
import types

from nova import exception as nova_exception
from nova.virt.libvirt import guest as nova_guest
import pytest

from nova_ext.compute import libvirt_guest
from nova_ext.hypervisor.domain import LiveDomain
from tests.unit.compute import fakes
from tests.unit.hypervisor import fakes as hypervisor


@pytest.fixture(autouse=True)
def libvirt(monkeypatch):
    """Stand for the module that Nova imports late."""
    found = types.SimpleNamespace(libvirtError=hypervisor.LibvirtError)
    monkeypatch.setattr(nova_guest, 'libvirt', found)


class Driver:
    """A driver whose host has one domain."""

    def __init__(self, active=True, error=None):
        self.domain = hypervisor.Domain()
        self.error = error
        self.guest = types.SimpleNamespace(
            _domain=self.domain, is_active=lambda: active
        )
        self._host = self

    def get_guest(self, instance):
        assert instance.uuid == fakes.UUID
        if self.error:
            raise self.error
        return self.guest


def test_a_running_domain_is_told(monkeypatch, config):
    config(group='libvirt', realtime_scheduler_priority=9)
    driver = Driver()
    live = libvirt_guest.find_running(driver, fakes.instance())
    assert isinstance(live, LiveDomain)
    live.pin_vcpus({1: 3})
    assert driver.domain.calls[0] == ('vcpu', 1, {3}, 1)
    assert live._priority == 9


def test_a_domain_that_is_shut_off():
    driver = Driver(active=False)
    assert libvirt_guest.find_running(driver, fakes.instance()) is None


def test_a_domain_that_is_not_there():
    error = nova_exception.InstanceNotFound(instance_id=fakes.UUID)
    driver = Driver(error=error)
    assert libvirt_guest.find_running(driver, fakes.instance()) is None


def test_a_libvirt_that_does_not_answer_is_no_stopped_server():
    driver = Driver(error=nova_exception.InternalError('no connection'))
    with pytest.raises(nova_exception.InternalError):
        libvirt_guest.find_running(driver, fakes.instance())


def test_qemu_is_asked_through_libvirt(monkeypatch):
    asked = []
    module = types.ModuleType('libvirt_qemu')
    module.qemuMonitorCommand = lambda *args: asked.append(args) or '{}'
    monkeypatch.setitem(sys.modules, 'libvirt_qemu', module)
    assert libvirt_guest.ask_monitor('domain', 'command', 0) == '{}'
    assert asked == [('domain', 'command', 0)]


class Connection:
    """A connection to libvirt that knows one domain."""

    def __init__(self):
        self.callbacks = {}
        self.error = None

    def get_connection(self):
        return self

    def lookupByName(self, name):
        if name != 'instance-00000001':
            raise hypervisor.LibvirtError('no such domain')
        return types.SimpleNamespace(UUIDString=lambda: fakes.UUID)

    def domainEventRegisterAny(self, domain, event, callback, opaque):
        if self.error:
            raise self.error
        self.callbacks[event] = callback


def test_a_domain_is_found_by_its_name():
    driver = types.SimpleNamespace(_host=Connection())
    found = libvirt_guest.uuid_of(driver, 'instance-00000001')
    assert found == fakes.UUID
    assert libvirt_guest.uuid_of(driver, 'another') is None


def test_resets_of_guests_are_told():
    connection, told = Connection(), []
    driver = types.SimpleNamespace(_host=connection)
    libvirt_guest.watch_reboots(driver, told.append)
    domain = types.SimpleNamespace(UUIDString=lambda: fakes.UUID)
    connection.callbacks[1](connection, domain, None)
    assert told == [fakes.UUID]


def test_a_libvirt_that_tells_of_no_resets(caplog):
    connection = Connection()
    connection.error = hypervisor.LibvirtError('no events')
    driver = types.SimpleNamespace(_host=connection)
    libvirt_guest.watch_reboots(driver, lambda uuid: None)
    assert 'Resets of guests go unnoticed: no events' in caplog.text
