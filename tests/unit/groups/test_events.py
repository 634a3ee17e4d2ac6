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

from nova_ext.groups import events

UUID = '178b0921-8f85-4257-88b6-2e743b5a975c'


def payload(**data: object) -> dict[str, object]:
    return {
        'nova_object.name': 'InstanceActionPayload',
        'nova_object.data': {'uuid': UUID, **data},
    }


@pytest.mark.parametrize(
    ('versioned', 'old'),
    [
        ('pause.end', 'pause.end'),
        ('create.start', 'create.start'),
        ('delete.end', 'delete.end'),
        ('update', 'update'),
        ('evacuate', 'evacuate'),
        ('power_off.start', 'power_off.start'),
        ('rebuild.error', 'rebuild.error'),
        ('scale.end', 'scale.end'),
        ('resize.start', 'resize.start'),
        ('resize_prep.start', 'resize.prep.start'),
        ('resize_confirm.end', 'resize.confirm.end'),
        ('resize_finish.end', 'finish_resize.end'),
        ('live_migration_pre.start', 'live_migration.pre.start'),
        ('live_migration_post.end', 'live_migration._post.end'),
        ('live_migration_post_dest.end', 'live_migration.post.dest.end'),
        ('live_migration_abort.start', 'live.migration.abort.start'),
        ('volume_attach.end', 'volume.attach.end'),
    ],
)
def test_the_old_event_types(versioned: str, old: str) -> None:
    event = events.parse('instance.' + versioned, payload(), '2026')
    assert event == events.ServerEvent(
        UUID, 'compute.instance.' + old, '2026', {'uuid': UUID}
    )


@pytest.mark.parametrize(
    ('event_type', 'content'),
    [
        ('instance.exists', payload()),
        ('compute.instance.exists', payload()),
        ('flavor.create', payload()),
        ('instance.pause.end', None),
        ('instance.pause.end', {}),
        ('instance.pause.end', {'nova_object.data': []}),
        ('instance.pause.end', {'nova_object.data': {'uuid': 7}}),
    ],
)
def test_what_is_of_no_concern(event_type: str, content: object) -> None:
    assert events.parse(event_type, content, '') is None


@pytest.mark.parametrize('action', ['create', 'add_member', 'delete'])
def test_groups(action: str) -> None:
    event = events.parse(
        'server_group.' + action, payload(members=['a', 'b']), ''
    )
    assert event == events.GroupEvent(UUID, ('a', 'b'))


def test_a_group_without_members() -> None:
    event = events.parse('server_group.create', payload(members=None), '')
    assert event == events.GroupEvent(UUID, ())
