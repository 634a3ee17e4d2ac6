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
import itertools
import json
import logging
import select

import pytest

from nova_ext.guest import server_group
from nova_ext.guest import sockets
from nova_ext.wire import server_group as wire
from tests.unit.guest import fakes

ADDRESS = 'cgcs.server_grp'


class Host(fakes.OldAgent):
    """The host, as the group's program sees it through any agent."""

    def say(self, *messages: object) -> None:
        for data in messages:
            self.deliver(data, ADDRESS, ADDRESS)

    def heard(self) -> dict:
        message = json.loads(self.taken())
        assert message['dest_addr'] == message['source_addr'] == ADDRESS
        return message['data']


@pytest.fixture
def host(space):
    with Host(space) as made:
        yield made


@pytest.fixture
def group(host, space):
    with server_group.connect(space=space) as made:
        yield made


def answer(seq: int, *names: str) -> list[dict]:
    """What a host answers to a query about servers of these names."""
    return [
        *(wire.status_response(seq, {'display_name': name}) for name in names),
        wire.status_done(seq),
    ]


def test_a_broadcast_is_sent_as_captured(group, host) -> None:
    group.broadcast('this is a test')
    assert host.heard() == {
        'version': 2,
        'msg_type': 'broadcast',
        'data': 'this is a test',
    }


@pytest.mark.parametrize('version', ['version', 2, None])
def test_a_broadcast_of_any_host_is_received(group, host, version) -> None:
    host.say({**wire.forwarded('instance-1', 'a/é'), 'version': version})
    assert next(iter(group)) == server_group.Broadcast('a/é', 'instance-1')


def test_notifications_and_nacks(group, host) -> None:
    event = {'event_type': 'compute.instance.pause.end', 'payload': {}}
    host.say(wire.notification(event), wire.nack('bogus', 'bad type'))
    assert list(itertools.islice(group, 2)) == [
        server_group.Notification(event),
        server_group.Nack('bogus', 'bad type'),
    ]


def test_a_query_is_answered_by_one_list(group, host) -> None:
    assert group.request_status() == 1
    assert host.heard()['seq'] == 1
    host.say(*answer(1, 'a', 'b'))
    assert group.process() == [
        server_group.Status([{'display_name': 'a'}, {'display_name': 'b'}])
    ]


def test_the_originals_done_repeats_a_server_that_does_not_count(
    group, host
) -> None:
    group.request_status()
    first, done = answer(1, 'a')
    host.say(first, {**done, 'data': first['data']})
    assert group.process() == [server_group.Status([{'display_name': 'a'}])]


def test_a_group_that_has_gone_is_an_empty_list(group, host) -> None:
    group.request_status()
    host.say(wire.status_done(1))
    assert group.process() == [server_group.Status([])]


def test_completed_queries_have_odd_numbers(group, host) -> None:
    """As the original: 1, 3, 5."""
    for seq in (1, 3, 5):
        assert group.request_status() == seq
        host.say(*answer(seq, 'a'))
        assert len(group.process()) == 1


def test_a_new_query_abandons_the_old_one(group, host, caplog) -> None:
    group.request_status()
    host.say(*answer(1, 'old')[:1])
    assert group.process() == []
    assert group.request_status() == 2
    host.say(*answer(1, 'old'), *answer(2, 'new'))
    assert group.process() == [server_group.Status([{'display_name': 'new'}])]
    assert caplog.text.count('answers query 1, which is not open') == 2


@pytest.mark.parametrize('seq', [0, 1, 2])
def test_an_answer_that_nobody_asked_for_is_ignored(
    group, host, caplog, seq: int
) -> None:
    host.say(*answer(seq, 'a'))
    assert group.process() == []
    group.request_status()
    host.say(*answer(1, 'a'), *answer(2, 'a'), *answer(1, 'a'))
    assert len(group.process()) == 1


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        ({}, "msg_type 'None' is not known"),
        ('x', 'data is not an object'),
        ({'msg_type': 'status_response', 'seq': 'x'}, 'seq is missing'),
        ({'msg_type': 'broadcast', 'data': '\ud800'}, 'surrogates'),
    ],
)
def test_junk_is_told_and_ignored(group, host, caplog, data, said) -> None:
    host.raw(
        json.dumps(
            {'data': data, 'version': 2, 'source_addr': ADDRESS}
        ).encode(),
        ADDRESS,
    )
    host.say(wire.forwarded('i', 'next'))
    assert [event.text for event in group.process()] == ['next']
    assert said in caplog.text


def test_another_program_of_the_host_is_not_the_group(
    group, host, caplog
) -> None:
    host.deliver(wire.forwarded('i', 'forged'), ADDRESS, 'cgcs.other')
    assert group.process() == []
    assert 'its sender is not cgcs.server_grp' in caplog.text


def test_callbacks(host, space) -> None:
    heard: list[object] = []
    hear = heard.append
    with server_group.connect(hear, hear, hear, hear, space=space) as group:
        group.request_status()
        host.say(
            wire.forwarded('i', 'x'),
            wire.notification({}),
            wire.nack('a', 'b'),
            *answer(1),
        )
        assert select.select([group], [], [], 10)[0] == [group]
        assert group.process() == heard
    assert [type(event).__name__ for event in heard] == [
        'Broadcast',
        'Notification',
        'Nack',
        'Status',
    ]


def test_an_exception_of_a_callback_loses_nothing_else(host, space) -> None:
    def fail(event: server_group.Broadcast) -> None:
        raise KeyError(event.text)

    with server_group.connect(fail, space=space) as group:
        host.say(wire.forwarded('i', 'first'), wire.notification({}))
        with pytest.raises(KeyError, match='first'):
            group.process()
        assert group.process() == [server_group.Notification({})]


def test_a_callback_may_leave(host, space) -> None:
    with server_group.connect(
        lambda event: group.close(), space=space
    ) as group:
        host.say(wire.forwarded('i', '1'), wire.forwarded('i', '2'))
        assert [event.text for event in group] == ['1']


def test_waiting_can_be_limited(group) -> None:
    assert list(group.events(timeout=0.01)) == []


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x' * 3051, 'has 3051 bytes; a broadcast carries at most 3050'),
        ('é' * 1526, 'has 3052 bytes'),
        ('/' * 3000, 'slashes and control characters escaped'),
    ],
)
def test_a_text_that_is_too_long_is_not_sent(
    group, host, text: str, said: str
) -> None:
    with pytest.raises(server_group.TooLong, match=said):
        group.broadcast(text)
    group.broadcast('x' * server_group.MAX_TEXT)
    assert len(host.heard()['data']) == 3050


def test_only_text_is_broadcast(group) -> None:
    with pytest.raises(TypeError, match='is text, not'):
        group.broadcast(b'bytes')
    with pytest.raises(server_group.BadMessage):
        group.broadcast('\ud800')


def test_one_program_of_a_guest_can_join(group, space) -> None:
    with pytest.raises(server_group.AddressInUse):
        server_group.connect(space=space)


def test_no_agent() -> None:
    with pytest.raises(server_group.AgentMissing):
        server_group.connect(space=sockets.Space('nobody-'))


def test_a_quiet_group_logs_nothing(group, host, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    host.say(wire.forwarded('i', 'x'))
    group.process()
    assert caplog.text == ''
