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
import datetime
import time
from typing import Any

import oslo_messaging as messaging
import pytest

from nova_ext.groups import contract
from nova_ext.groups import endpoints
from nova_ext.groups import metrics
from nova_ext.wire import server_group
from tests.unit.groups import fakes

A = 'instance-a'


@pytest.fixture
def world() -> fakes.World:
    return fakes.World(fakes.member('a'), fakes.member('b'))


def endpoint(world: fakes.World) -> endpoints.ServiceEndpoint:
    return endpoints.ServiceEndpoint(
        world.service, world.directory, world.metrics, 30
    )


def test_requests(world: fakes.World) -> None:
    made = endpoint(world)
    now = time.time()
    answer = made.broadcast({}, 'host1', A, 'hello', now)
    assert answer == [[['instance-b'], server_group.forwarded(A, 'hello')]]
    answer = made.status_query({}, 'host1', A, 7, now)
    assert contract.unpack(answer)[-1].data == server_group.status_done(7)
    assert made.ping({})


def test_an_old_request_is_dropped(world: fakes.World) -> None:
    made = endpoint(world)
    assert made.broadcast({}, 'host1', A, 'hello', time.time() - 31) == []
    assert world.lost('stale') == 1
    assert world.courier.delivered == []


def test_without_records_the_guest_hears_nothing(world: fakes.World) -> None:
    """An end without servers would say that there are none."""
    world.membership.broken = 'no database'
    made = endpoint(world)
    assert made.status_query({}, 'host1', A, 7, time.time()) == []
    assert world.lost(endpoints.UNREADABLE) == 1


def test_guests_fill_no_log_while_the_records_are_unreadable(
    world: fakes.World, caplog: Any
) -> None:
    world.membership.broken = 'no database'
    made = endpoint(world)
    for _ in range(50):
        assert made.broadcast({}, 'host1', A, 'x', time.time()) == []
    assert world.lost(endpoints.UNREADABLE) == 50
    assert caplog.text.count(endpoints.UNREADABLE) == 5


def test_guests_fill_no_log_with_an_error_of_ours(
    world: fakes.World, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """And oslo.messaging, which logs what an endpoint raises, is silent; the
    caller gets it all the same."""
    monkeypatch.setattr(world.service, 'broadcast', lambda *_: 1 / 0)
    made = endpoint(world)
    for _ in range(50):
        with pytest.raises(messaging.ExpectedException) as caught:
            made.broadcast({}, 'host1', A, 'x', time.time())
        assert caught.value.exc_info[0] is ZeroDivisionError
    assert world.lost('error') == 50
    assert caplog.text.count('Could not handle a message of a guest') == 5
    assert 'division by zero' in caplog.text


def test_forgetting(world: fakes.World) -> None:
    world.directory.sender('host1', A)
    world.membership.servers['a'] = fakes.member('a', messaging=False)
    endpoint(world).forget({}, ['a'], [])
    found = world.directory.sender('host1', A)
    assert found is not None and not found.messaging


def listener(world: fakes.World) -> endpoints.NotificationEndpoint:
    return endpoints.NotificationEndpoint(world.service, world.metrics, 300)


def notify(
    world: fakes.World,
    age: float = 0.0,
    event_type: str = 'instance.pause.end',
    made: endpoints.NotificationEndpoint | None = None,
    **data: Any,
) -> None:
    made = made or listener(world)
    at = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    stamp = str(at - datetime.timedelta(seconds=age))
    payload = {
        'nova_object.data': {
            'uuid': 'a',
            'tenant_id': fakes.PROJECT,
            **data,
        }
    }
    made.info({}, 'nova-compute:h', event_type, payload, {'timestamp': stamp})


def test_a_notification(world: fakes.World) -> None:
    notify(world)
    ((host, names, data),) = world.courier.delivered
    assert (host, names) == ('host1', ('instance-b',))
    assert data['data']['event_type'] == 'compute.instance.pause.end'


def test_an_error_is_news_too() -> None:
    made = endpoints.NotificationEndpoint
    assert made.error is made.info


def test_an_old_notification_is_not_told(world: fakes.World) -> None:
    notify(world, age=301)
    assert world.courier.delivered == []
    assert world.lost('stale') == 1
    assert world.courier.forgotten


def test_a_group_notification(world: fakes.World) -> None:
    notify(world, event_type='server_group.add_member', members=['a', 'b'])
    (changed,) = world.courier.forgotten
    assert changed == contract.Changed(('a', 'b'), ('a',))


def test_nothing_stops_the_listener(
    world: fakes.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.membership.broken = 'no database'
    notify(world)
    assert world.lost(endpoints.UNREADABLE) == 1
    monkeypatch.setattr(world.service, 'event', lambda *_: 1 / 0)
    notify(world)
    assert world.lost('error') == 1


def test_notifications_fill_no_log(world: fakes.World, caplog: Any) -> None:
    world.membership.broken = 'no database'
    made = listener(world)
    for _ in range(50):
        notify(world, made=made)
    assert world.lost(endpoints.UNREADABLE) == 50
    assert caplog.text.count(endpoints.UNREADABLE) == 5


def test_a_notification_without_a_time_is_told(world: fakes.World) -> None:
    made = listener(world)
    payload = {'nova_object.data': {'uuid': 'a', 'tenant_id': fakes.PROJECT}}
    made.info({}, 'x', 'instance.pause.end', payload, {})
    assert world.courier.delivered


class Relay:
    def __init__(self) -> None:
        self.got: list[contract.Delivery] = []

    def deliver(self, deliveries: list[contract.Delivery]) -> None:
        self.got += deliveries


def test_the_relay_delivers_what_is_new() -> None:
    relay, counters = Relay(), metrics.RelayMetrics()
    made = endpoints.RelayEndpoint(relay, counters, 30)  # type: ignore
    packed = [[['b', 'c'], {'n': 1}]]
    made.deliver({}, packed, time.time())
    assert relay.got == [contract.Delivery(('b', 'c'), {'n': 1})]
    made.deliver({}, packed, time.time() - 31)
    assert len(relay.got) == 1
    lost = counters.registry.get_sample_value(
        'nova_ext_groups_relay_lost_total', {'reason': 'stale'}
    )
    assert lost == 2
