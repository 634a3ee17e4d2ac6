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
from typing import Any

import oslo_messaging as messaging
import pytest

from nova_ext.groups import bus
from nova_ext.groups import service_process
from tests.unit import polling
from tests.unit.groups import fakes

A = 'instance-a'


@pytest.fixture
def world() -> fakes.World:
    return fakes.World(fakes.member('a'), fakes.member('c', 'host2'))


@pytest.fixture
def start(conf, world, request):
    def make(name: str) -> service_process.ServiceProcess:
        made = service_process.ServiceProcess(
            conf, name, world.membership, {fakes.CELL: 'fake:/'}
        )
        thread = threading.Thread(target=made.run)
        thread.start()

        def end() -> None:
            made.process.stop()
            thread.join(20)

        request.addfinalizer(end)
        assert made.process.serving.wait(10)
        return made

    return make


class Relay:
    target = messaging.Target(version='1.0')

    def __init__(self) -> None:
        self.got: list[Any] = []

    def deliver(self, context: Any, deliveries: Any, sent: float) -> None:
        self.got += deliveries


def test_two_copies_share_the_work(conf, start, request) -> None:
    relay = Relay()
    topic = conf.nova_ext_groups.topic
    served = bus.serve(
        bus.transport(conf), topic + '_relay', 'host2', relay, 1
    )
    request.addfinalizer(served.wait)
    request.addfinalizer(served.stop)
    copies = [start('copy1'), start('copy2')]
    for copy in copies:
        polling.until(lambda copy=copy: not copy.process.health.problems())
    notifier = messaging.Notifier(
        messaging.get_notification_transport(conf),
        'test',
        driver='messagingv2',
        topics=['versioned_notifications'],
    )
    payload = {'nova_object.data': {'uuid': 'a', 'tenant_id': fakes.PROJECT}}
    for number in range(10):
        notifier.info({}, 'instance.pause.%d' % number, payload)
    polling.until(lambda: len(relay.got) == 10)
    told = sorted(data['data']['event_type'][-1] for _, data in relay.got)
    assert told == [str(number) for number in range(10)]


def test_unreadable_records_are_a_problem(start, world) -> None:
    world.membership.broken = 'no database'
    made = start('copy1')
    polling.until(lambda: not made.process.health._problems['message bus'])
    polling.until(
        lambda: (
            made.process.health.problems() == ["Nova's records: no database"]
        )
    )


def test_cells_with_one_bus_are_served_once(conf, world) -> None:
    made = service_process.ServiceProcess(
        conf,
        'copy1',
        world.membership,
        {'cell-1': 'fake:/', 'cell-2': 'fake:/', 'cell-3': 'fake://other/'},
    )
    assert len(made._transports) == 2
    assert len(made._notification_transports()) == 2
    conf.set_override(
        'transport_url', 'fake:/', 'oslo_messaging_notifications'
    )
    assert len(made._notification_transports()) == 1
