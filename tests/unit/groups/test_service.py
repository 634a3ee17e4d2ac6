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
from typing import Any

import pytest

from nova_ext.groups import contract
from nova_ext.groups import events
from nova_ext.groups import ports
from nova_ext.wire import server_group
from tests.unit.groups import fakes

A = 'instance-a'


@pytest.fixture
def world() -> fakes.World:
    return fakes.World(
        fakes.member('a'),
        fakes.member('b'),
        fakes.member('c', 'host2'),
        fakes.member('d', 'host2'),
        fakes.member('e', 'host3'),
    )


def event(uuid: str = 'a', **data: Any) -> events.ServerEvent:
    return events.ServerEvent(
        uuid,
        'compute.instance.pause.end',
        '2026',
        {'uuid': uuid, 'tenant_id': fakes.PROJECT, **data},
    )


def nack_of(answer: list[contract.Delivery]) -> str:
    (delivery,) = answer
    assert delivery.names == (A,)
    assert delivery.data['msg_type'] == server_group.NACK
    return str(delivery.data['log_msg'])


def test_a_broadcast_goes_to_all_others_once(world: fakes.World) -> None:
    answer = world.service.broadcast('host1', A, 'hello')
    data = server_group.forwarded(A, 'hello')
    # Those of the guest's own host get it there, not over the bus.
    assert answer == [contract.Delivery(('instance-b',), data)]
    assert world.courier.delivered == [
        ('host2', ('instance-c', 'instance-d'), data),
        ('host3', ('instance-e',), data),
    ]
    assert world.count('sent', 'kind', 'broadcast') == 4
    assert world.count('handled', 'kind', 'broadcast') == 1


def test_a_broadcast_without_others(world: fakes.World) -> None:
    world.membership.groups = {'group': ['a']}
    assert world.service.broadcast('host1', A, 'hello') == []
    assert world.courier.delivered == []


def test_a_broadcast_of_a_guest_that_nova_does_not_know(
    world: fakes.World,
) -> None:
    assert world.service.broadcast('host9', A, 'hello') == []
    assert world.lost('unknown sender') == 1


def test_a_server_without_a_group_is_told_so(world: fakes.World) -> None:
    world.membership.groups = {}
    answer = world.service.broadcast('host1', A, 'hello')
    assert nack_of(answer) == 'the server is in no server group'


def test_a_server_without_messaging_is_told_so(world: fakes.World) -> None:
    world.membership.servers['a'] = fakes.member('a', messaging=False)
    for answer in (
        world.service.broadcast('host1', A, 'hello'),
        world.service.status_query('host1', A, 1),
    ):
        assert 'sw:wrs:srv_grp_messaging is not true' in nack_of(answer)
    assert world.courier.delivered == []


def test_a_broadcast_too_long_with_its_senders_name_is_refused() -> None:
    """``instance_name_template`` can make names that original hosts have no
    room for; the relay reckons with theirs."""
    name = 'instance-00000000-0000-0000-0000-%012d' % 1
    sender = fakes.member('a', name=name)
    world = fakes.World(sender, fakes.member('b'), fakes.member('c', 'host2'))
    room = server_group.MAX_DATAGRAM - server_group.guest_size(
        server_group.forwarded(name, '')
    )
    fits, too_long = 'x' * (room - 1), 'x' * room
    assert server_group.parse_from_guest(
        {'version': 2, 'msg_type': 'broadcast', 'data': too_long}
    )
    (answer,) = world.service.broadcast('host1', name, too_long)
    assert (answer.names, answer.data['msg_type']) == ((name,), 'nack')
    assert answer.data['log_msg'] == (
        'too long: the message has 4096 bytes on its way to a guest; wanted '
        'less than 4096'
    )
    assert world.courier.delivered == []
    assert world.lost('too long') == 1
    (answer,) = world.service.broadcast('host1', name, fits)
    assert answer.data['data'] == fits
    assert server_group.guest_size(world.courier.delivered[0][2]) == 4095


def test_what_cannot_be_delivered_is_counted(world: fakes.World) -> None:
    world.courier.failures['host2'] = 'no relay on the host'
    world.service.broadcast('host1', A, 'hello')
    assert [one[0] for one in world.courier.delivered] == ['host3']
    assert world.lost('no relay on the host') == 2
    assert world.count('sent', 'kind', 'broadcast') == 2


def refusals(answers: list[list[contract.Delivery]]) -> list[str]:
    """Return why messages were refused, of those that were."""
    firsts = [answer[0].data for answer in answers if answer]
    return [one['log_msg'] for one in firsts if one['msg_type'] == 'nack']


def test_a_group_that_sends_too_much_does_not_stop_another() -> None:
    """Each message to two guests; ten seconds' worth is saved up."""
    world = fakes.World(*map(fakes.member, 'abcdef'), rate=1.2)
    world.membership.groups = {'loud': list('abc'), 'quiet': list('def')}
    answers = [
        world.service.broadcast('host1', 'instance-' + name, 'x')
        for name in 'abc' * 3
    ]
    assert refusals(answers) == ['group sends too much'] * 3
    assert world.lost('group sends too much') == 3
    (answer,) = world.service.broadcast('host1', 'instance-d', 'hello')
    assert answer.names == ('instance-e', 'instance-f')
    world.now += 10
    assert refusals([world.service.broadcast('host1', A, 'x')]) == []


def test_one_guest_that_floods_does_not_silence_its_group() -> None:
    """For two minutes, within its own rate; the group has 51 members."""
    uuids = ['m%d' % number for number in range(51)]
    world = fakes.World(*map(fakes.member, uuids), rate=500.0)

    flood, others = [], []
    for tick in range(20 * 120):
        world.now += 0.05
        flood.append(world.service.broadcast('host1', 'instance-m0', 'x'))
        if tick % 20 == 7:
            others.append(world.service.broadcast('host1', 'instance-m1', 'x'))
            world.service.event(event('m2'))
        if tick % 400 == 7:
            others.append(
                world.service.status_query('host1', 'instance-m3', tick)
            )
    refused = refusals(flood)
    assert set(refused) == {'guest sends too much'}
    assert world.lost('guest sends too much') == len(refused)
    # Half of the group's rate, and what was saved up.
    assert len(flood) - len(refused) == (250 * 120 + 2500) / 50
    assert refusals(others) == []
    assert world.count('handled', 'kind', 'notification') == 120


def test_status(world: fakes.World) -> None:
    answer = world.service.status_query('host1', A, 7)
    assert all(one.names == (A,) for one in answer)
    *servers, done = [one.data for one in answer]
    assert [one['data']['instance_id'] for one in servers] == list('abcde')
    assert {one['msg_type'] for one in servers} == {'status_response'}
    assert {one['seq'] for one in servers} == {7}
    assert done == server_group.status_done(7)


def test_status_of_a_server_or_group_that_has_just_gone(
    world: fakes.World,
) -> None:
    done = [contract.Delivery((A,), server_group.status_done(7))]
    world.membership.groups = {}
    assert world.service.status_query('host1', A, 7) == done
    assert world.service.status_query('host9', A, 7) == done


def test_status_tells_nothing_of_another_project(world: fakes.World) -> None:
    world.membership.servers['b'] = fakes.member('b', project='project-2')
    answer = world.service.status_query('host1', A, 1)
    told = [one.data['data']['instance_id'] for one in answer[:-1]]
    assert told == ['a', 'c', 'd', 'e']


def test_status_is_as_the_records_are_now(world: fakes.World) -> None:
    world.service.status_query('host1', A, 1)
    world.membership.facts_of['b'] = {'state': 'paused'}
    answer = world.service.status_query('host1', A, 3)
    assert answer[1].data['data']['state'] == 'paused'


def test_status_queries_cost_what_they_read(world: fakes.World) -> None:
    """Five servers: 25 each; a guest has saved up 2500, its group 5000."""

    def ask(name: str) -> list[str]:
        return refusals(
            [world.service.status_query(host, name, 1) for _ in range(110)]
        )

    host = 'host1'
    assert ask(A) == ['guest asks too much'] * 10
    assert ask('instance-b') == ['guest asks too much'] * 10
    host = 'host2'
    assert ask('instance-c') == ['group asks too much'] * 110


def test_a_server_that_never_fits_is_left_out(world: fakes.World) -> None:
    world.membership.facts_of['b'] = {'state': ['x' * 5000]}
    answer = world.service.status_query('host1', A, 1)
    assert len(answer) == 5
    assert world.lost('too long') == 1


def test_text_that_is_no_unicode_is_left_out(
    world: fakes.World, caplog: pytest.LogCaptureFixture
) -> None:
    world.membership.facts_of['b'] = {'display_name': '\ud800'}
    for _ in range(20):
        assert len(world.service.status_query('host1', A, 1)) == 5
    # Nor does it fill the log of who is asked.
    assert caplog.text.count('Cannot tell guests of a server') == 5


def test_a_notification_goes_to_all_but_its_subject(
    world: fakes.World,
) -> None:
    world.membership.facts_of['a'] = {'image_meta': {'x': 'y'}}
    world.service.event(event(state='paused'))
    told = {host: names for host, names, _ in world.courier.delivered}
    assert told == {
        'host1': ('instance-b',),
        'host2': ('instance-c', 'instance-d'),
        'host3': ('instance-e',),
    }
    data = world.courier.delivered[0][2]
    assert data['msg_type'] == server_group.NOTIFICATION
    assert data['data']['event_type'] == 'compute.instance.pause.end'
    assert data['data']['payload']['state'] == 'paused'
    assert data['data']['payload']['image_meta'] == {'x': 'y'}
    # And every copy reads the server anew.
    assert world.courier.forgotten == [contract.Changed(servers=('a',))]


def test_a_notification_of_a_server_that_is_gone(world: fakes.World) -> None:
    del world.membership.servers['a']
    world.service.event(event(state='deleted'))
    data = world.courier.delivered[0][2]
    assert data['data']['payload']['state'] == 'deleted'


def test_a_server_without_a_group_costs_one_look(world: fakes.World) -> None:
    for _ in range(3):
        world.service.event(event('stranger'))
    assert world.membership.reads == ['group_of']
    assert world.courier.delivered == world.courier.forgotten == []


def test_a_notification_tells_nothing_to_another_project(
    world: fakes.World,
) -> None:
    world.service.event(event(tenant_id='project-2'))
    assert world.courier.delivered == []


def test_an_old_notification_is_remembered_but_not_told(
    world: fakes.World,
) -> None:
    world.service.event(event(), stale=True)
    assert world.courier.delivered == []
    assert world.courier.forgotten == [contract.Changed(servers=('a',))]
    assert world.lost('stale') == 4


def test_the_notification_says_enough_without_the_records(
    world: fakes.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def facts(*args: object, **kwargs: object) -> dict[str, ports.Facts]:
        raise ports.MembershipUnknown('no database')

    monkeypatch.setattr(world.membership, 'facts', facts)
    world.service.event(event(state='paused'))
    assert len(world.courier.delivered) == 3


def test_a_group_that_changed_is_read_anew(world: fakes.World) -> None:
    world.service.group_event(events.GroupEvent('group', ('a', 'b')))
    assert world.courier.forgotten == [
        contract.Changed(servers=('a', 'b'), groups=('group',))
    ]


def test_notifications_have_a_budget_of_their_own() -> None:
    world = fakes.World(fakes.member('a'), fakes.member('b'), rate=0.15)
    for _ in range(12):
        world.service.event(event())
    assert len(world.courier.delivered) == 2
    assert world.lost('too many notifications') == 10
    assert refusals([world.service.broadcast('host1', A, 'x')]) == []


def test_one_project_never_gets_all_workers(world: fakes.World) -> None:
    busy = fakes.World(
        fakes.member('a'), fakes.member('b', project='project-2'), share=1
    )

    def forward(keys: Any) -> dict[str, ports.Member]:
        """While a guest is served, another one of each project asks."""
        monkey.append(busy.service.status_query('host1', A, 1))
        monkey.append(busy.service.status_query('host1', 'instance-b', 1))
        return {}

    monkey: list[list[contract.Delivery]] = []
    busy.directory.sender('host1', A)
    busy.directory.sender('host1', 'instance-b')
    busy.directory.peers = lambda *_: forward(None)  # type: ignore
    busy.service.broadcast('host1', A, 'x')
    assert nack_of(monkey[0]) == 'project is busy'
    assert monkey[1][-1].data['msg_type'] == server_group.STATUS_DONE
