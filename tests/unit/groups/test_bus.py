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
import threading
import time
from typing import Any

import oslo_messaging as messaging
import pytest

from nova_ext.groups import bus
from nova_ext.groups import contract
from nova_ext.groups import relay
from nova_ext.groups import relay_queue
from nova_ext.wire import server_group
from tests.unit import polling
from tests.unit.groups import fakes

ANSWER = [contract.Delivery(('instance-b',), {'n': 1})]


class Endpoint:
    target = messaging.Target(version='1.0')

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.threads: set[int] = set()

    def broadcast(self, context: Any, **arguments: Any) -> Any:
        self.got.append(arguments)
        return contract.pack(ANSWER)

    def status_query(self, context: Any, **arguments: Any) -> Any:
        raise ZeroDivisionError('secret')

    def ping(self, context: Any) -> bool:
        return True

    def deliver(self, context: Any, **arguments: Any) -> None:
        self.threads.add(threading.get_ident())
        self.got.append(arguments)

    def forget(self, context: Any, **arguments: Any) -> None:
        self.got.append(arguments)


@pytest.fixture
def serve(conf, request):
    def make(topic: str, server: str) -> Endpoint:
        endpoint = Endpoint()
        made = bus.serve(bus.transport(conf), topic, server, endpoint, 1)
        request.addfinalizer(made.wait)
        request.addfinalizer(made.stop)
        return endpoint

    return make


def asker(conf: Any, timeout: float = 10.0) -> bus.Asker:
    topic = conf.nova_ext_groups.topic
    return bus.Asker(bus.transport(conf), topic, 'host1', timeout, 30)


def waiting(message: Any, age: float = 0.0) -> relay_queue.Waiting:
    return relay_queue.Waiting('instance-a', message, time.time() - age)


def test_a_guests_message_is_handed_over(conf, serve) -> None:
    endpoint = serve(conf.nova_ext_groups.topic, 'copy1')
    made = waiting(server_group.Broadcast('hello', ''))
    assert asker(conf).ask(made) == ANSWER
    (got,) = endpoint.got
    assert got == {
        'host': 'host1',
        'instance': 'instance-a',
        'text': 'hello',
        'sent': made.at,
    }
    assert asker(conf).check() is None
    assert asker(conf).check('copy1') is None


def test_nobody_answers(conf) -> None:
    made = waiting(server_group.Broadcast('hello', ''))
    with pytest.raises(relay.Lost, match=bus.NO_SERVICE):
        asker(conf, 0.05).ask(made)
    assert asker(conf, 0.05).check() == bus.NO_SERVICE


def test_an_error_in_the_service(conf, serve, caplog) -> None:
    serve(conf.nova_ext_groups.topic, 'copy1')
    made = asker(conf)
    for _ in range(20):
        with pytest.raises(relay.Lost, match=bus.FAILED):
            made.ask(waiting(server_group.StatusQuery(1)))
    # However many messages of guests it is that fail.
    said = [one for one in caplog.records if one.name == bus.__name__]
    assert [one.levelname for one in said] == ['WARNING'] * 5


def test_what_waited_too_long_is_not_sent(conf, serve) -> None:
    endpoint = serve(conf.nova_ext_groups.topic, 'copy1')
    with pytest.raises(relay.Lost, match='stale'):
        asker(conf).ask(waiting(server_group.Broadcast('x', ''), 31))
    assert endpoint.got == []


def test_the_bus_is_away(conf, monkeypatch) -> None:
    made = asker(conf)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise messaging.MessageDeliveryFailure('connection refused')

    monkeypatch.setattr(
        'oslo_messaging._drivers.impl_fake.FakeDriver.send', fail
    )
    with pytest.raises(relay.Lost, match=bus.NO_BUS):
        made.ask(waiting(server_group.StatusQuery(1)))
    courier = make_courier(conf)
    assert courier.deliver('cell-1', 'host1', ANSWER) == bus.NO_BUS
    courier.forget(contract.Changed())


class Forgetful:
    def __init__(self) -> None:
        self.forgotten: list[contract.Changed] = []

    def forget(self, changed: contract.Changed) -> None:
        self.forgotten.append(changed)


def make_courier(conf: Any, directory: Any = None) -> bus.Courier:
    transport = bus.transport(conf)
    return bus.Courier(
        {'cell-1': transport},
        transport,
        conf.nova_ext_groups.topic,
        directory or Forgetful(),
    )


def test_deliveries_reach_the_relay_of_their_host_in_order(
    conf, serve
) -> None:
    topic = conf.nova_ext_groups.topic + '_relay'
    one, two = serve(topic, 'host1'), serve(topic, 'host2')
    courier = make_courier(conf)
    for number in range(20):
        data = {'n': number}
        made = [contract.Delivery(('instance-b',), data)]
        assert courier.deliver('cell-1', 'host1', made) is None
    polling.until(lambda: len(one.got) == 20)
    order = [contract.unpack(got['deliveries'])[0].data for got in one.got]
    assert order == [{'n': number} for number in range(20)]
    assert two.got == []
    assert len(one.threads) == 1
    assert courier.deliver('cell-9', 'host1', ANSWER) == 'unknown cell'


def test_a_host_without_a_relay_is_named(conf, monkeypatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise messaging.MessageUndeliverable(None, None, None, None)

    monkeypatch.setattr(
        'oslo_messaging._drivers.impl_fake.FakeDriver.send', fail
    )
    courier = make_courier(conf)
    assert courier.deliver('cell-1', 'host1', ANSWER) == bus.NO_RELAY


def test_every_copy_forgets(conf, serve) -> None:
    copies = [
        serve(conf.nova_ext_groups.topic, name) for name in ('copy1', 'copy2')
    ]
    own = Forgetful()
    changed = contract.Changed(servers=('a',), groups=('g',))
    make_courier(conf, own).forget(changed)
    assert own.forgotten == [changed]
    for copy in copies:
        polling.until(lambda copy=copy: copy.got)
        assert copy.got == [{'servers': ['a'], 'groups': ['g']}]


@pytest.mark.parametrize(
    'pool, others', [('p', 'q'), pytest.param('', 'q', id="Nova's own queue")]
)
def test_a_notification_reaches_one_copy_and_other_listeners(
    conf, request, pool, others
) -> None:
    heard: dict[str, list[int]] = {'copy1': [], 'copy2': [], 'other': []}
    topic = conf.nova_ext_groups.topic

    def listener(name: str) -> Any:
        class Listener:
            def info(self, context: Any, *what: Any) -> None:
                heard[name].append(what[2])

        return Listener()

    for name, where in (('copy1', pool), ('copy2', pool), ('other', others)):
        made = bus.listen(
            messaging.get_notification_transport(conf),
            [topic],
            where,
            listener(name),
        )
        request.addfinalizer(made.wait)
        request.addfinalizer(made.stop)
    notifier = messaging.Notifier(
        messaging.get_notification_transport(conf),
        'test',
        driver='messagingv2',
        topics=[topic],
    )
    for number in range(20):
        notifier.info({}, 'instance.update', number)
    polling.until(lambda: len(heard['other']) == 20)
    polling.until(lambda: len(heard['copy1'] + heard['copy2']) == 20)
    assert sorted(heard['copy1'] + heard['copy2']) == list(range(20))


def test_fakes_keep_to_the_contract() -> None:
    assert fakes.Courier().deliver(fakes.CELL, 'host1', ANSWER) is None
