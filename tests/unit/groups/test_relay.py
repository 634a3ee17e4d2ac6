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
from collections.abc import Iterator
from typing import Any

import pytest

from nova_ext.channel import client
from nova_ext.groups import contract
from nova_ext.groups import metrics
from nova_ext.groups import relay
from nova_ext.groups import relay_queue
from nova_ext.wire import server_group
from tests.unit import polling

A = 'instance-a'


class Link:
    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.away = False
        self.hear: Any = None

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, instance: str, data: Any) -> bool:
        if not self.away:
            self.sent.append((instance, data))
        return not self.away


class Asker:
    def __init__(self) -> None:
        self.asked: list[relay_queue.Waiting] = []
        self.answer: list[contract.Delivery] = []
        self.error: Exception | None = None

    def ask(self, waiting: relay_queue.Waiting) -> list[contract.Delivery]:
        self.asked.append(waiting)
        if self.error is not None:
            raise self.error
        return self.answer


class World:
    def __init__(self) -> None:
        self.link = Link()
        self.asker = Asker()
        self.metrics = metrics.RelayMetrics()
        self.relay = relay.Relay(
            relay_queue.RelayQueue(1000, 2), self.asker, self.metrics, 2
        )

        def link(hear: Any) -> Any:
            self.link.hear = hear
            return self.link

        self.relay.start(link)

    def says(self, data: Any, instance: str = A) -> None:
        self.link.hear(client.Received(instance, 'cgcs.server_grp', data))

    def count(self, name: str, **labels: str) -> float:
        found = self.metrics.registry.get_sample_value(
            'nova_ext_groups_relay_%s_total' % name, labels
        )
        return found or 0.0


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.relay.close()


def test_a_message_goes_to_the_service_and_the_answer_to_guests(
    world: World,
) -> None:
    data = server_group.forwarded(A, 'hello')
    world.asker.answer = [contract.Delivery(('b', 'c'), data)]
    world.says(server_group.broadcast('hello'))
    polling.until(lambda: len(world.link.sent) == 2)
    assert world.link.sent == [('b', data), ('c', data)]
    (waiting,) = world.asker.asked
    assert waiting.instance == A
    assert waiting.message == server_group.Broadcast('hello', '')
    assert world.count('received', kind='broadcast') == 1
    polling.until(lambda: world.count('delivered') == 2)


@pytest.mark.parametrize(
    ('data', 'named'),
    [
        (None, 'unknown'),
        ({'version': 2, 'msg_type': 'bogus'}, 'bogus'),
        ({'version': 1, 'msg_type': 'status_query', 'seq': 1}, 'status_query'),
        ({'version': 'x', 'msg_type': 'broadcast'}, 'broadcast'),
        ([[[]]], 'unknown'),
    ],
)
def test_what_is_wrong_is_nacked_and_never_reaches_the_bus(
    world: World, data: Any, named: str
) -> None:
    world.says(data)
    ((name, sent),) = world.link.sent
    assert (name, sent['msg_type']) == (A, 'nack')
    assert sent['orig_msg_type'] == named
    assert world.asker.asked == []
    world.says(server_group.status_query(1), 'other')
    polling.until(lambda: world.asker.asked)


def test_a_guest_that_errs_without_end_gets_one_nack_a_second(
    world: World, caplog: Any
) -> None:
    caplog.set_level('INFO')
    for _ in range(500):
        world.says({'msg_type': 'bogus'})
    refused = "Refused a message of '%s': " % A
    assert caplog.text.count(refused) == len(world.link.sent)
    assert len(world.link.sent) <= 2
    world.says({'msg_type': 'bogus'}, 'other')
    assert world.link.sent[-1][0] == 'other'
    assert world.count('received', kind='refused') == 501


def test_a_guest_that_sends_too_much_is_told(world: World) -> None:
    world.asker.error = None
    world.relay._queue.close()
    polling.until(
        lambda: not any(one.is_alive() for one in world.relay._threads)
    )
    for number in range(4):
        world.says(server_group.status_query(number))
    assert world.count('lost', reason='guest sends too much') == 2
    ((_, sent),) = world.link.sent
    assert sent['log_msg'] == 'too many messages'


def test_what_the_service_does_not_take_is_counted(world: World) -> None:
    world.asker.error = relay.Lost('message bus away')
    world.says(server_group.status_query(1))
    polling.until(lambda: world.count('lost', reason='message bus away'))
    assert world.link.sent == []
    # And the guest's next message is not held up.
    world.asker.error = None
    world.says(server_group.status_query(3))
    polling.until(lambda: len(world.asker.asked) == 2)


def test_an_error_of_our_own_ends_no_worker_and_fills_no_log(
    world: World, caplog: Any
) -> None:
    world.asker.error = ZeroDivisionError()
    for number in range(20):
        world.says(server_group.status_query(number), 'guest %d' % number)
    polling.until(lambda: world.count('lost', reason='error') == 20)
    assert caplog.text.count('Could not pass on a message') == 5


def test_a_channel_that_is_away_is_counted(world: World) -> None:
    world.link.away = True
    world.relay.deliver([contract.Delivery(('b', 'c'), {})])
    assert world.count('lost', reason='guest channel away') == 2


def test_many_answers_go_with_pauses(world: World, monkeypatch) -> None:
    given = []
    monkeypatch.setattr(
        world.relay._closing,
        'wait',
        lambda seconds: given.append((len(world.link.sent), seconds)),
    )
    answers = [contract.Delivery(('b',), {'seq': n}) for n in range(35)]
    world.relay.deliver(answers)
    assert [data['seq'] for _, data in world.link.sent] == list(range(35))
    assert given == [(count, 0.02) for count in (9, 19, 29)]


def test_a_relay_that_ends_does_not_pause(world: World) -> None:
    world.relay.close()
    answers = [contract.Delivery(('b',), {'seq': n}) for n in range(100000)]
    world.relay.deliver(answers)
    assert len(world.link.sent) == len(answers)
