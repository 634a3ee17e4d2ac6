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
"""The placement allocation, through a report client of plain data."""

import copy

from keystoneauth1 import exceptions as keystone_exception
from nova import exception as nova_exception
import pytest

from nova_ext import exception
from nova_ext.compute import allocations
from nova_ext.compute import topology
from tests.unit.compute import fakes

PROVIDER = 'a-provider'


class Reports:
    """Placement, with one consumer; ``calls`` counts the requests."""

    def __init__(self, **resources):
        self.held = {
            'allocations': {
                'another': {
                    'generation': 1,
                    'resources': {'CUSTOM_GPU': 1},
                },
                PROVIDER: {'generation': 7, 'resources': resources},
            },
            'consumer_generation': 3,
            'project_id': 'p1',
            'user_id': 'u1',
        }
        self.calls = []
        self.read_error = None
        self.write_error = None
        self.takes = True

    def get_allocs_for_consumer(self, context, consumer):
        self.calls.append('get')
        assert consumer == fakes.UUID
        if self.read_error:
            raise self.read_error
        return copy.deepcopy(self.held)

    def put_allocations(self, context, consumer, payload):
        self.calls.append('put')
        assert consumer == fakes.UUID
        if self.write_error:
            raise self.write_error
        if self.takes:
            self.held = payload
        return self.takes

    @property
    def resources(self):
        return self.held['allocations'][PROVIDER]['resources']


def charge(reports, offline=(), specs=None):
    instance = fakes.instance(
        fakes.cell({0: 0, 1: 1, 2: 2, 3: 3}), specs=specs
    )
    layout = topology.layout_of(instance.numa_topology)
    for vcpu in offline:
        layout = layout.without(vcpu)
    allocations.InstanceAllocation(
        fakes.admin(), instance, reports, PROVIDER
    ).charge(layout)


@pytest.mark.parametrize('core_class', ['PCPU', 'VCPU'])
def test_the_online_vcpus_are_charged(core_class):
    reports = Reports(**{core_class: 4, 'MEMORY_MB': 256, 'DISK_GB': 1})
    charge(reports, offline=[3, 1])
    assert reports.resources == {core_class: 2, 'MEMORY_MB': 256, 'DISK_GB': 1}
    assert reports.calls == ['get', 'put']


def test_the_rest_of_the_allocation_is_put_back_as_placement_wants_it():
    reports = Reports(PCPU=4)
    charge(reports, offline=[3])
    assert reports.held == {
        'allocations': {
            'another': {'resources': {'CUSTOM_GPU': 1}},
            PROVIDER: {'resources': {'PCPU': 3}},
        },
        'consumer_generation': 3,
        'project_id': 'p1',
        'user_id': 'u1',
    }


def test_only_this_host_is_charged():
    """An evacuated server has an allocation of its old host too."""
    reports = Reports(PCPU=4)
    reports.held['allocations']['another']['resources'] = {'PCPU': 2}
    charge(reports, offline=[3])
    assert reports.held['allocations'] == {
        'another': {'resources': {'PCPU': 2}},
        PROVIDER: {'resources': {'PCPU': 3}},
    }


def test_the_value_is_absolute():
    reports = Reports(PCPU=1)
    charge(reports, offline=[3])
    assert reports.resources == {'PCPU': 3}
    charge(reports, offline=[3])
    assert reports.calls == ['get', 'put', 'get']


def test_isolated_emulator_threads_cost_one_more():
    specs = {**fakes.SCALABLE, 'hw:emulator_threads_policy': 'isolate'}
    reports = Reports(PCPU=5)
    charge(reports, offline=[3], specs=specs)
    assert reports.resources == {'PCPU': 4}


def test_full_accounting_charges_what_the_flavor_has(config):
    config(group='nova_ext_scaling', accounting='full')
    specs = {**fakes.SCALABLE, 'hw:emulator_threads_policy': 'isolate'}
    for held, specs, wanted in ((3, None, 4), (4, specs, 5)):
        reports = Reports(PCPU=held)
        charge(reports, offline=[3], specs=specs)
        assert reports.resources == {'PCPU': wanted}


def test_full_accounting_changes_nothing_that_is_right(config):
    config(group='nova_ext_scaling', accounting='full')
    reports = Reports(PCPU=4)
    charge(reports, offline=[3])
    assert reports.calls == ['get']


def test_a_host_without_capacity():
    reports = Reports(PCPU=3)
    reports.takes = False
    with pytest.raises(exception.InsufficientResources) as caught:
        charge(reports)
    assert str(caught.value) == (
        'Insufficient compute resources: no free pcpu available on host: '
        'placement refused the allocation.'
    )
    assert caught.value.code == 400


def test_a_placement_service_without_its_database(monkeypatch):
    """Nova calls that a refusal, which would blame the host."""
    reports = Reports(PCPU=3)

    def fails(*args):
        reports.read_error = nova_exception.ConsumerAllocationRetrievalFailed(
            consumer_uuid=fakes.UUID, error='500'
        )
        return False

    monkeypatch.setattr(reports, 'put_allocations', fails)
    with pytest.raises(exception.PlacementFailed) as caught:
        charge(reports)
    assert caught.value.code == 503


@pytest.mark.parametrize(
    'error',
    [
        keystone_exception.ConnectFailure('no route'),
        keystone_exception.EndpointNotFound('no endpoint'),
        nova_exception.ConsumerAllocationRetrievalFailed(
            consumer_uuid=fakes.UUID, error='500'
        ),
    ],
)
def test_a_placement_service_that_cannot_be_read(error):
    reports = Reports(PCPU=4)
    reports.read_error = error
    with pytest.raises(
        exception.PlacementFailed,
        match=r'did not take the new allocation \(%s\): try again when it '
        'answers' % type(error).__name__,
    ):
        charge(reports, offline=[3])
    assert reports.calls == ['get']


@pytest.mark.parametrize(
    'error',
    [
        nova_exception.PlacementAPIConnectFailure(),
        nova_exception.AllocationUpdateFailed(
            consumer_uuid=fakes.UUID, error='consumer generation conflict'
        ),
    ],
)
def test_a_placement_service_that_cannot_be_written(caplog, error):
    reports = Reports(PCPU=4)
    reports.write_error = error
    with pytest.raises(exception.PlacementFailed) as caught:
        charge(reports, offline=[3])
    assert '(%s)' % type(error).__name__ in str(caught.value)
    assert error.format_message() not in str(caught.value)
    assert error.format_message() in caplog.text
    assert caught.value.code == 503


def test_a_server_without_an_allocation_of_cores():
    with pytest.raises(
        exception.PlacementFailed,
        match='the server has no allocation of PCPU or VCPU',
    ):
        charge(Reports(MEMORY_MB=256), offline=[3])
