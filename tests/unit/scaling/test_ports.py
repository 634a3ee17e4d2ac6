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
"""Whatever stands behind a port has its methods, and takes what it takes."""

import inspect

import pytest

from nova_ext.compute import allocations
from nova_ext.compute import host
from nova_ext.compute import power
from nova_ext.compute import store
from nova_ext.hypervisor import domain
from nova_ext.scaling import coordinator
from nova_ext.scaling import ports
from tests.functional.fakes import guest
from tests.unit.scaling import fakes

PAIRS = [
    (ports.Coordinator, coordinator.AgentCoordinator),
    (ports.Coordinator, guest.Coordinator),
    (ports.Coordinator, fakes.Guest),
    (ports.Store, store.InstanceStore),
    (ports.Store, fakes.Store),
    (ports.Host, host.HostCores),
    (ports.Host, fakes.Host),
    (ports.Allocation, allocations.InstanceAllocation),
    (ports.Allocation, fakes.Allocation),
    (ports.Domain, domain.LiveDomain),
    (ports.Domain, fakes.Domain),
    (ports.Power, power.CorePower),
    (ports.Power, fakes.Power),
]


def methods(protocol):
    return {
        name: method
        for name, method in vars(protocol).items()
        if inspect.isfunction(method) and not name.startswith('_')
    }


def parameters(method):
    return [
        (each.kind, each.default is not each.empty)
        for each in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize(
    ('port', 'behind'), PAIRS, ids=lambda cls: cls.__qualname__
)
def test_what_stands_behind_a_port_fits_it(port, behind):
    assert methods(port)
    for name, wanted in methods(port).items():
        found = getattr(behind, name)
        assert parameters(found) == parameters(wanted), name


def test_every_port_of_a_server_has_something_behind_it():
    wanted = {
        field.type
        for field in vars(ports.Ports)['__dataclass_fields__'].values()
    }
    assert {port for port, _ in PAIRS} == wanted
