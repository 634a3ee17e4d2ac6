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
"""Pins after moves that were cut off."""

from unittest import mock

from nova import exception as nova_exception
from nova import objects
import pytest

from nova_ext.compute import cut_off
from nova_ext.model.record import ScaleRecord
from tests.unit.compute import fakes

MIGRATION = '0b7e9a54-3f0f-4f52-9f39-6f4a3d6e1c11'
METADATA = {
    **ScaleRecord(frozenset({1})).to_metadata(),
    'image_os_distro': 'debian',
}


@pytest.fixture
def instance(saves):
    """Return a server with both vCPUs on pCPU 3 of its old host."""
    made = fakes.instance(
        fakes.cell({0: 3, 1: 3}, pcpuset={0, 1}),
        system_metadata=dict(METADATA),
        pci_requests=objects.InstancePCIRequests(requests=[]),
        pci_devices=objects.PciDeviceList(objects=[]),
        resources=None,
        migration_context=objects.MigrationContext(
            instance_uuid=fakes.UUID,
            migration_id=7,
            new_numa_topology=objects.InstanceNUMATopology(
                cells=[fakes.cell({0: 10, 1: 11})]
            ),
            old_numa_topology=objects.InstanceNUMATopology(
                cells=[fakes.cell({0: 3, 1: 3}, pcpuset={0, 1})]
            ),
        ),
    )
    made.drop_migration_context = mock.Mock()
    made.obj_reset_changes(recursive=True)
    return made


@pytest.fixture(autouse=True)
def saved(monkeypatch, instance):
    """Return the server's topology in the database."""
    made = instance.numa_topology.obj_clone()

    def find(context, uuid):
        if not made.cells:
            raise nova_exception.NumaTopologyNotFound(instance_uuid=uuid)
        return made

    monkeypatch.setattr(
        objects.InstanceNUMATopology, 'get_by_instance_uuid', find
    )
    return made


@pytest.fixture(autouse=True)
def claim(monkeypatch, instance):
    """Return the claim in the database."""
    made = instance.migration_context.obj_clone()
    monkeypatch.setattr(
        objects.MigrationContext,
        'get_by_instance_uuid',
        lambda context, uuid: made,
    )
    return made


@pytest.fixture
def migration(monkeypatch):
    """Return the migration from host0 to this host."""
    made = mock.Mock(
        id=7,
        uuid=MIGRATION,
        source_compute='host0',
        dest_compute=fakes.HOST,
        migration_type='migration',
        status='post-migrating',
    )

    def find(context, number):
        assert number == 7
        return made

    monkeypatch.setattr(objects.Migration, 'get_by_id', find)
    return made


def finish(instance):
    return cut_off.finish(instance, fakes.HOST)


def test_it_gets_the_pins_that_were_claimed(saves, instance, migration):
    assert finish(instance)
    ((expected, changed),) = saves
    assert expected == {}
    assert {'numa_topology', 'system_metadata'} <= changed
    assert instance.numa_topology.cpu_pinning == {10, 11}
    assert instance.system_metadata == {'image_os_distro': 'debian'}
    instance.drop_migration_context.assert_called_once_with()
    assert migration.status == 'error'
    migration.save.assert_called_once_with()


@pytest.mark.parametrize(
    'changes',
    [
        {'task_state': 'resize_migrated'},
        {'task_state': 'resize_finish'},
        {'vm_state': 'resized'},
        {'host': 'host0'},
        {'migration_context': None},
    ],
)
def test_servers_that_are_as_they_should_be(
    saves, instance, migration, changes
):
    for name, value in changes.items():
        setattr(instance, name, value)
    assert not finish(instance)
    assert saves == []


def test_a_server_that_cannot_scale(saves, instance, migration):
    instance.flavor.extra_specs = {'hw:cpu_policy': 'dedicated'}
    assert not finish(instance)
    assert saves == []


def test_a_server_without_pins(saves, instance, migration, saved):
    saved.cells = []
    finish(instance)
    assert saves == []


@pytest.mark.parametrize('status', ['error', 'reverted'])
def test_it_gets_them_however_the_migration_ended(
    saves, instance, migration, status
):
    """An audit may have put them into its copy."""
    migration.status = status
    instance.apply_migration_context()
    assert finish(instance)
    assert instance.numa_topology.cpu_pinning == {10, 11}
    assert len(saves) == 1


def test_one_that_is_scaled_where_it_arrived_keeps_its_pins(
    saves, instance, migration, saved
):
    """The claim of the migration that failed then is of no use."""
    migration.status = 'error'
    saved.cells = [fakes.cell({0: 10, 1: 10})]
    assert finish(instance)
    instance.drop_migration_context.assert_called_once_with()
    assert saves == []


@pytest.mark.parametrize('kind', ['live-migration', 'evacuation'])
def test_other_migrations(saves, instance, migration, kind):
    """Their new host takes the server over with its pins."""
    migration.migration_type = kind
    finish(instance)
    assert saves == []


def test_a_resize_that_changes_the_number_of_vcpus(saves, instance, migration):
    instance.migration_context.new_numa_topology.cells = [
        fakes.cell({0: 10, 1: 11, 2: 12})
    ]
    # As an audit counts it.
    instance.apply_migration_context()
    assert not finish(instance)
    instance.drop_migration_context.assert_not_called()
    assert saves == []


EVACUATION = {
    'migration_type': 'evacuation',
    'source_compute': fakes.HOST,
    'dest_compute': 'host2',
    'status': 'pre-migrating',
}


def test_so_is_that_of_a_live_migration(saves, instance, migration):
    migration.configure_mock(
        **{
            **EVACUATION,
            'migration_type': 'live-migration',
            'status': 'error',
        }
    )
    assert finish(instance)
    instance.drop_migration_context.assert_called_once_with()


@pytest.mark.parametrize('dest', ['host2', fakes.HOST])
@pytest.mark.parametrize('kind', ['migration', 'resize'])
def test_so_is_that_of_a_resize_that_failed(
    saves, instance, migration, kind, dest
):
    """Also of one on the same host."""
    migration.configure_mock(
        **{**EVACUATION, 'migration_type': kind, 'dest_compute': dest}
    )
    assert finish(instance)
    instance.drop_migration_context.assert_called_once_with()
    assert saves == []


def test_a_new_claim_is_kept(saves, instance, migration, claim):
    """It came while an audit looked at the old one."""
    migration.configure_mock(**EVACUATION)
    claim.migration_id = 8
    assert not finish(instance)
    instance.drop_migration_context.assert_not_called()


def test_a_claim_of_elsewhere_is_forgotten(saves, instance, migration):
    migration.configure_mock(**EVACUATION)
    assert finish(instance)
    instance.drop_migration_context.assert_called_once_with()
    assert instance.numa_topology.cpu_pinning == {3}
    assert saves == []


@pytest.mark.parametrize(
    'changes',
    [{}, {'migration_type': 'live-migration'}, {'source_compute': 'host0'}],
)
def test_a_claim_that_may_be_used(saves, instance, migration, changes):
    migration.configure_mock(**{**EVACUATION, **changes})
    instance.task_state = None if changes else 'rebuilding'
    assert not finish(instance)
    instance.drop_migration_context.assert_not_called()


@pytest.fixture
def leaving(instance, migration):
    """Return a server that leaves this host, as Nova's audit counts it."""
    context = instance.migration_context
    context.old_numa_topology = instance.numa_topology
    context.old_pci_requests = context.old_pci_devices = None
    context.old_resources = None
    instance.numa_topology = context.new_numa_topology.obj_clone()
    migration.configure_mock(
        source_compute=fakes.HOST, dest_compute='host2', status='running'
    )
    return instance


def pins(instance):
    return instance.numa_topology.cells[0].cpu_pinning


def test_a_server_that_leaves_is_counted_as_it_is_here(saves, leaving):
    assert cut_off.stay(leaving, fakes.HOST)
    assert (pins(leaving), saves) == ({0: 3, 1: 3}, [])
    assert not cut_off.stay(leaving, fakes.HOST)


def test_a_server_that_cannot_scale_is_counted_so_too(leaving):
    """Else its cores would be free for one that can."""
    leaving.flavor.extra_specs = {}
    assert cut_off.stay(leaving, fakes.HOST)
    assert pins(leaving) == {0: 3, 1: 3}


@pytest.mark.parametrize(
    ('changes', 'where'),
    [
        ({}, {'source_compute': 'host2', 'dest_compute': fakes.HOST}),
        ({'vm_state': 'resized'}, {}),
        ({'migration_context': None}, {}),
    ],
)
def test_one_that_comes_or_stays_is_counted_as_it_was(
    leaving, migration, changes, where
):
    migration.configure_mock(**where)
    for name, value in changes.items():
        setattr(leaving, name, value)
    assert not cut_off.stay(leaving, fakes.HOST)
    assert pins(leaving) == {0: 10, 1: 11}


@pytest.mark.parametrize(
    'where',
    [{'dest_compute': fakes.HOST}, {'source_compute': 'host3'}],
    ids=['resize on the same host', 'claim of another migration'],
)
def test_one_that_has_its_old_pins(leaving, migration, where):
    migration.configure_mock(**where)
    assert cut_off.stay(leaving, fakes.HOST)
    assert pins(leaving) == {0: 3, 1: 3}


def test_one_that_has_been_resized_on_its_host(leaving, migration, saved):
    migration.configure_mock(dest_compute=fakes.HOST)
    saved.cells = leaving.numa_topology.obj_clone().cells
    assert not cut_off.stay(leaving, fakes.HOST)
    assert pins(leaving) == {0: 10, 1: 11}


def test_one_that_was_scaled_since_is_counted_as_saved(leaving, saved):
    saved.cells = [fakes.cell({0: 3, 1: 4})]
    assert cut_off.stay(leaving, fakes.HOST)
    assert pins(leaving) == {0: 3, 1: 4}


def test_one_that_was_scaled_where_its_move_failed(leaving, migration, saved):
    """Its devices are those of this host."""
    migration.configure_mock(
        source_compute='host2', dest_compute=fakes.HOST, status='error'
    )
    leaving.pci_devices = devices = objects.PciDeviceList(objects=[])
    saved.cells = [fakes.cell({0: 10, 1: 10})]
    assert cut_off.stay(leaving, fakes.HOST)
    assert pins(leaving) == {0: 10, 1: 10}
    assert leaving.pci_devices is devices
