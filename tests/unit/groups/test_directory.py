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
import pytest

from nova_ext.groups import contract
from nova_ext.groups import directory
from nova_ext.groups import ports
from tests.unit.groups import fakes


@pytest.fixture
def records() -> fakes.Membership:
    return fakes.Membership(
        fakes.member('a'),
        fakes.member('b'),
        fakes.member('c', 'host2'),
        fakes.member('foreign', project='project-2'),
        fakes.member('mute', messaging=False),
        fakes.member('building', host=''),
    )


@pytest.fixture
def made(records: fakes.Membership) -> directory.Directory:
    return directory.Directory(records, 100, 60)


def group(made: directory.Directory, uuid: str) -> ports.Group:
    found = made.group_of(uuid)
    assert found is not None
    return found


def test_peers(made: directory.Directory) -> None:
    peers = made.peers(group(made, 'a'), 'a', fakes.PROJECT)
    assert [peer.uuid for peer in peers] == ['b', 'c']


def test_everything_is_read_once(
    made: directory.Directory, records: fakes.Membership
) -> None:
    for _ in range(3):
        assert made.sender('host1', 'instance-a') == records.servers['a']
        made.peers(group(made, 'a'), 'a', fakes.PROJECT)
    assert records.reads == ['server_at', 'members', 'group_of', 'members']


def test_a_member_that_does_not_exist_is_not_asked_for_each_time(
    made: directory.Directory, records: fakes.Membership
) -> None:
    records.groups['group'].append('deleted')
    for _ in range(3):
        made.peers(group(made, 'a'), 'a', fakes.PROJECT)
    assert records.reads.count('members') == 1


def test_a_server_that_moved_is_known_after_its_notification(
    made: directory.Directory, records: fakes.Membership
) -> None:
    made.peers(group(made, 'a'), 'a', fakes.PROJECT)
    records.servers['b'] = fakes.member('b', 'host3')
    made.forget(contract.Changed(servers=('b',)))
    peers = made.peers(group(made, 'a'), 'a', fakes.PROJECT)
    assert peers[0].host == 'host3'


def test_a_new_member_is_known_after_the_groups_notification(
    made: directory.Directory, records: fakes.Membership
) -> None:
    assert made.group_of('new') is None
    group(made, 'a')
    records.groups['group'].append('new')
    records.servers['new'] = fakes.member('new')
    members = tuple(records.groups['group'])
    made.forget(contract.Changed(servers=members, groups=('group',)))
    assert 'new' in group(made, 'a').members
    assert group(made, 'new').uuid == 'group'


def test_a_deleted_group_is_forgotten(
    made: directory.Directory, records: fakes.Membership
) -> None:
    group(made, 'a')
    records.groups.clear()
    made.forget(contract.Changed(groups=('group',)))
    assert made.group_of('a') is None


def test_a_guest_that_nova_does_not_know_is_looked_for_each_time(
    made: directory.Directory, records: fakes.Membership
) -> None:
    """It may be about to arrive by a live migration."""
    assert made.sender('host9', 'instance-a') is None
    records.servers['a'] = fakes.member('a', 'host9')
    found = made.sender('host9', 'instance-a')
    assert found is not None and found.uuid == 'a'


def test_a_name_that_went_to_another_server(
    made: directory.Directory, records: fakes.Membership
) -> None:
    """With a template such as %(display_name)s names are used again."""
    made.sender('host1', 'instance-a')
    del records.servers['a']
    records.servers['z'] = fakes.member('z', name='instance-a')
    made.forget(contract.Changed(servers=('a',)))
    found = made.sender('host1', 'instance-a')
    assert found is not None and found.uuid == 'z'


def test_unreadable_records_are_no_answer(
    made: directory.Directory, records: fakes.Membership
) -> None:
    records.broken = 'no database'
    with pytest.raises(ports.MembershipUnknown):
        made.sender('host1', 'instance-a')
    records.broken = None
    assert made.sender('host1', 'instance-a') is not None


def test_a_group_is_kept_once_for_all_its_members(
    made: directory.Directory, records: fakes.Membership
) -> None:
    first = group(made, 'a')
    assert group(made, 'b') is group(made, 'c') is first
    records.groups['group'].append('new')
    made.forget(contract.Changed(servers=('b',), groups=('group',)))
    assert group(made, 'b').members == (*first.members, 'new')
    assert group(made, 'c') is group(made, 'b')
