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
"""Nova's queries of its databases are replaced, and its objects mostly."""

from collections.abc import Iterator
import contextlib
from typing import Any
from unittest import mock

from nova import context as nova_context
from nova import exception
from nova import objects
import pytest

from nova_ext.groups import members
from nova_ext.groups import ports


def server(uuid: str, **changes: Any) -> mock.Mock:
    """Return an instance of Nova's, named after its uuid."""
    specs = {'sw:wrs:srv_grp_messaging': 'true'}
    found = mock.Mock(
        uuid=uuid,
        host='host1',
        project_id='project-1',
        flavor=mock.Mock(extra_specs=specs),
    )
    found.configure_mock(**{'name': 'instance-' + uuid, **changes})
    return found


class Records:
    """What Nova's databases hold.

    :ivar servers: by cell.
    :ivar unscheduled: the uuids of servers in no cell.
    :ivar asked: the filters of each query for instances.
    """

    def __init__(self) -> None:
        self.servers: dict[str, list[Any]] = {'cell1': [], 'cell2': []}
        self.unscheduled: list[str] = []
        self.migrations: list[Any] = []
        self.asked: list[dict[str, Any]] = []

    def by_host(self, cell: str, host: str, **how: Any) -> list[Any]:
        return [one for one in self.servers[cell] if one.host == host]

    def by_filters(
        self, cell: str, filters: dict[str, Any], **how: Any
    ) -> list[Any]:
        self.asked.append(filters)
        return [
            one for one in self.servers[cell] if one.uuid in filters['uuid']
        ]

    def migrating(self, cell: str, filters: dict[str, Any]) -> list[Any]:
        """As Nova's filter by host, which both hosts of a move pass."""
        return [
            one
            for one in self.migrations
            if filters['host'] in (one.source_compute, one.dest_compute)
            and one.migration_type == filters['migration_type']
            and one.status in filters['status']
        ]

    def mappings(self, context: Any, uuids: list[str]) -> list[Any]:
        mapped = [
            mock.Mock(
                instance_uuid=one.uuid, cell_mapping=mock.Mock(uuid=cell)
            )
            for cell, servers in self.servers.items()
            for one in servers
            if one.uuid in uuids
        ]
        return mapped + [
            mock.Mock(instance_uuid=uuid, cell_mapping=None)
            for uuid in self.unscheduled
        ]

    def cell_of(self, context: Any, host: str) -> Any:
        if host == 'unknown':
            raise exception.HostMappingNotFound(name=host)
        return mock.Mock(cell_mapping=mock.Mock(uuid='cell1'))


@pytest.fixture(autouse=True, scope='module')
def registered() -> None:
    objects.register_all()


@contextlib.contextmanager
def target_cell(context: Any, cell: Any) -> Iterator[str]:
    yield cell.uuid


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Records:
    found = Records()
    for kind, method, query in (
        (objects.InstanceList, 'get_by_host', found.by_host),
        (objects.InstanceList, 'get_by_filters', found.by_filters),
        (objects.MigrationList, 'get_by_filters', found.migrating),
        (objects.InstanceMappingList, 'get_by_instance_uuids', found.mappings),
        (objects.HostMapping, 'get_by_host', found.cell_of),
    ):
        monkeypatch.setattr(kind, method, query)
    monkeypatch.setattr(nova_context, 'target_cell', target_cell)
    return found


@pytest.fixture
def nova() -> members.NovaMembership:
    return members.NovaMembership()


def test_a_server_is_found_by_its_host_and_name(
    records: Records, nova: members.NovaMembership
) -> None:
    records.servers['cell1'] = [server('a'), server('b', host='host2')]
    assert nova.server_at('host1', 'instance-a') == 'a'
    assert nova.server_at('host1', 'instance-b') is None
    assert nova.server_at('unknown', 'instance-a') is None


@pytest.mark.parametrize(
    ('changes', 'found'),
    [
        ({}, 'a'),
        ({'status': 'completed'}, 'a'),
        # It comes only later, or not at all.
        ({'status': 'preparing'}, None),
        ({'status': 'error'}, None),
        # It leaves this host, or its guest does not run on its way.
        ({'source_compute': 'host2', 'dest_compute': 'host3'}, None),
        ({'migration_type': 'migration'}, None),
    ],
)
def test_a_guest_speaks_where_a_live_migration_brings_it(
    records: Records,
    nova: members.NovaMembership,
    changes: dict[str, str],
    found: str | None,
) -> None:
    records.servers['cell1'] = [server('a', host='host1')]
    migration = mock.Mock(
        instance_uuid='a',
        migration_type='live-migration',
        source_compute='host1',
        dest_compute='host2',
        status='running',
    )
    migration.configure_mock(**changes)
    records.migrations = [migration]
    assert nova.server_at('host2', 'instance-a') == found


def test_members_of_all_cells(
    records: Records, nova: members.NovaMembership
) -> None:
    mute = mock.Mock(extra_specs={})
    records.servers['cell1'] = [server('a'), server('foreign')]
    records.servers['cell2'] = [server('b', host=None, flavor=mute)]
    records.unscheduled = ['building']
    assert nova.members(['a', 'b', 'building']) == {
        'a': ports.Member(
            'a', 'instance-a', 'host1', 'project-1', 'cell1', True
        ),
        'b': ports.Member('b', 'instance-b', '', 'project-1', 'cell2', False),
    }
    assert records.asked == [
        {'uuid': ['a'], 'deleted': False},
        {'uuid': ['b'], 'deleted': False},
    ]


def test_facts_of_deleted_servers_only_when_asked_for(
    records: Records, nova: members.NovaMembership
) -> None:
    flavor = mock.Mock(root_gb=2, ephemeral_gb=3)
    gone = server('a', flavor=flavor, metadata={'k': 'v'}, system_metadata={})
    gone.configure_mock(access_ip_v4=None, access_ip_v6='::1')
    records.servers['cell1'] = [gone]
    facts = nova.facts(['a'], deleted=True)['a']
    assert (facts['disk_gb'], facts['metadata']) == (5, {'k': 'v'})
    assert (facts['access_ip_v4'], facts['access_ip_v6']) == (None, '::1')
    nova.facts(['a'])
    assert records.asked == [
        {'uuid': ['a']},
        {'uuid': ['a'], 'deleted': False},
    ]


def test_the_group_of_a_server(
    monkeypatch: pytest.MonkeyPatch, nova: members.NovaMembership
) -> None:
    group = mock.Mock(uuid='group', members=['a', 'b'])
    find = mock.Mock(
        side_effect=[group, exception.InstanceGroupNotFound(group_uuid='')]
    )
    monkeypatch.setattr(objects.InstanceGroup, 'get_by_instance_uuid', find)
    assert nova.group_of('a') == ports.Group('group', ('a', 'b'))
    assert nova.group_of('c') is None


@pytest.mark.parametrize(
    ('method', 'arguments'),
    [
        ('server_at', ('host1', 'instance-a')),
        ('group_of', ('a',)),
        ('members', (['a'],)),
        ('facts', (['a'],)),
    ],
)
def test_records_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
    nova: members.NovaMembership,
    method: str,
    arguments: tuple[Any, ...],
) -> None:
    away = mock.Mock(side_effect=OSError('database away'))
    monkeypatch.setattr(nova_context, 'get_admin_context', away)
    with pytest.raises(ports.MembershipUnknown, match='^OSError: database aw'):
        getattr(nova, method)(*arguments)


def test_the_buses_of_the_cells_that_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = [
        objects.CellMapping(
            uuid=uuid, transport_url=uuid[-1] + '://', disabled=disabled
        )
        for uuid, disabled in (
            (objects.CellMapping.CELL0_UUID, False),
            ('4f8e2b46-13c5-4b94-9a4a-1a3d8a0e7c01', False),
            ('4f8e2b46-13c5-4b94-9a4a-1a3d8a0e7c02', True),
        )
    ]
    every = mock.Mock(return_value=cells)
    monkeypatch.setattr(objects.CellMappingList, 'get_all', every)
    assert members.buses() == {cells[1].uuid: '1://'}
