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
"""What a parked vCPU changes in the domain that a live migration makes."""

from lxml import etree
from nova import objects
import pytest

from nova_ext.compute import live_migration
from tests.unit.compute import fakes

REALTIME = {
    **fakes.SCALABLE,
    'hw:cpu_realtime': 'yes',
    'hw:cpu_realtime_mask': '^0',
}


def info_of(sched=()):
    info = objects.LibvirtLiveMigrateNUMAInfo(
        cpu_pins={'0': {4}, '1': {5}, '2': {4}},
        cell_pins={'0': {0}},
        emulator_pins={4, 5},
    )
    if sched:
        info.sched_vcpus = set(sched)
        info.sched_priority = 1
    return info


def instance_of(offline, specs=None):
    pins = {0: 4, 1: 4 if 1 in offline else 5, 2: 4 if 2 in offline else 6}
    mask = sum(1 << vcpu for vcpu in offline)
    return fakes.instance(
        fakes.cell(pins),
        specs=specs,
        system_metadata={'nova_ext_offline': hex(mask)},
    )


def park(info, instance):
    live_migration.park(info, instance, instance.numa_topology)


def test_parked_vcpus_are_not_realtime():
    info = info_of(sched={1, 2})
    park(info, instance_of({2}, REALTIME))
    assert info.sched_vcpus == {1}
    assert info.sched_priority == 1
    assert info.emulator_pins == {4}


def test_no_vcpu_is_realtime_any_more():
    info = info_of(sched={1, 2})
    park(info, instance_of({1, 2}, REALTIME))
    assert 'sched_vcpus' not in info
    assert 'sched_priority' not in info


def test_isolated_emulator_threads_stay_where_nova_puts_them():
    info = info_of(sched={1, 2})
    info.emulator_pins = {9}
    specs = {**REALTIME, 'hw:emulator_threads_policy': 'isolate'}
    park(info, instance_of({2}, specs))
    assert info.emulator_pins == {9}


def test_a_server_at_its_maximum_is_novas_business():
    info = info_of(sched={1, 2})
    park(info, instance_of(set(), REALTIME))
    assert (info.sched_vcpus, info.emulator_pins) == ({1, 2}, {4, 5})
    park(objects.LibvirtLiveMigrateNUMAInfo(), instance_of({1}))


XML = """<domain><cputune>
<vcpusched vcpus="1" scheduler="fifo" priority="7"/>
<vcpusched vcpus="2-3" scheduler="fifo" priority="7"/>
</cputune></domain>"""


class Guest:
    """Nova's guest; ``migrated`` has what it was asked for."""

    name = 'instance-1'

    def migrate(self, destination, **kwargs):
        self.migrated = destination, kwargs


@pytest.mark.parametrize(
    ('offline', 'left'), [({2}, ['1', '3']), ({1, 2, 3}, [])]
)
def test_the_source_leaves_policies_of_parked_threads_out(offline, left):
    guest = Guest()
    migrating = live_migration.MigratingGuest(guest, frozenset(offline))
    assert migrating.name == 'instance-1'
    migrating.migrate('qemu+tcp://b', destination_xml=XML, flags=3)
    destination, kwargs = guest.migrated
    assert (destination, kwargs.pop('flags')) == ('qemu+tcp://b', 3)
    scheds = etree.fromstring(kwargs['destination_xml']).iter('vcpusched')
    assert [each.get('vcpus') for each in scheds] == left


def test_no_definition_stays_none():
    guest = Guest()
    live_migration.MigratingGuest(guest, frozenset({1})).migrate(
        'b', destination_xml=None
    )
    assert guest.migrated == ('b', {'destination_xml': None})


def test_only_scaled_down_realtime_servers_need_that(monkeypatch):
    saved = []
    monkeypatch.setattr(
        objects.Instance, 'get_by_uuid', lambda *args, **kwargs: saved.pop()
    )
    guest, admin = Guest(), fakes.admin()
    found = live_migration.migrating(guest, admin, instance_of({2}))
    assert found is guest
    # The copy of the caller is older than the request.
    saved.append(instance_of(set(), REALTIME))
    stale = instance_of({2}, REALTIME)
    assert live_migration.migrating(guest, admin, stale) is guest
    saved.append(instance_of({2}, REALTIME))
    stale = instance_of(set(), REALTIME)
    found = live_migration.migrating(guest, admin, stale)
    assert isinstance(found, live_migration.MigratingGuest)
