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
"""Which vCPUs stay parked on arrival, and what is saved of it."""

from nova import objects
import pytest

from nova_ext.compute import arrival
from tests.unit.compute import fakes

PARKED = {0: 0, 1: 1, 2: 0}
OWN_CORES = {0: 0, 1: 1, 2: 2}
ABORTED: dict[int, int] = {}
OFFLINE = {'nova_ext_offline': '0x4'}


def instance_of(pins, **changes):
    cell = fakes.cell(OWN_CORES, cpu_pinning=pins)
    return fakes.instance(cell, **changes)


@pytest.fixture
def saved(monkeypatch):
    """Set and return what the database has of the instance."""

    def save(pins, metadata):
        found = instance_of(pins, system_metadata=metadata)
        monkeypatch.setattr(
            objects.Instance, 'get_by_uuid', lambda *args, **kwargs: found
        )
        return found

    return save


@pytest.mark.parametrize(
    ('pins', 'metadata', 'offline'),
    [
        (PARKED, OFFLINE, {2}),
        (PARKED, {}, set()),
        # A resize gave it the flavor's cores, and was never confirmed.
        (OWN_CORES, OFFLINE, set()),
        # An unshelving failed before, and its claim took the pins.
        (ABORTED, OFFLINE, {2}),
    ],
)
def test_the_database_says_what_is_offline(saved, pins, metadata, offline):
    saved(pins, metadata)
    stale = instance_of(OWN_CORES)
    found = arrival.Arrival(fakes.admin(), stale)
    assert found.offline == offline


@pytest.mark.parametrize(
    'changes',
    [{'vm_state': 'building'}, {'specs': {'hw:cpu_policy': 'dedicated'}}],
)
def test_most_instances_are_not_even_read(monkeypatch, changes):
    monkeypatch.setattr(objects.Instance, 'get_by_uuid', pytest.fail)
    instance = instance_of(OWN_CORES, **changes)
    assert arrival.Arrival(fakes.admin(), instance).offline == set()


def test_a_record_of_more_vcpus_than_there_are(saved):
    saved(ABORTED, {'nova_ext_offline': '0xff00'})
    found = arrival.Arrival(fakes.admin(), instance_of(ABORTED))
    before, after = found.layouts(instance_of(OWN_CORES).numa_topology)
    assert before == after


def test_an_open_journal_stays_open(saved, saves):
    """That of a request whose host died is for recovery to close."""
    saved(PARKED, {**OFFLINE, 'nova_ext_journal': '{"direction":"up"}'})
    instance = instance_of(PARKED)
    found = arrival.Arrival(fakes.admin(), instance)
    claimed = instance_of(OWN_CORES).numa_topology

    class Claim:
        claimed_numa_topology = claimed

    found.save_spawning(Claim, found.layouts(claimed)[1])
    assert '"up"' in instance.system_metadata['nova_ext_journal']

    class Reports:
        def get_allocs_for_consumer(self, context, consumer):
            return {'allocations': {'rp': {'resources': {'PCPU': 2}}}}

    found.charge(Reports(), 'rp', found.layouts(claimed)[1])
    assert '"up"' in instance.system_metadata['nova_ext_journal']
    assert instance.system_metadata['nova_ext_offline'] == '0x4'
