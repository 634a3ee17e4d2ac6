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
import json
import threading
from typing import Any

import oslo_messaging as messaging
import pytest

from nova_ext.groups import bus
from nova_ext.groups import contract
from nova_ext.groups import relay_process
from nova_ext.wire import server_group
from tests.unit import polling
from tests.unit.channel.conftest import folder
from tests.unit.channel.conftest import qemu
from tests.unit.channel.conftest import stack
from tests.unit.channel.conftest import start

__all__ = ['folder', 'qemu', 'stack', 'start']


class Service:
    target = messaging.Target(version='1.0')

    def ping(self, context: Any) -> bool:
        return True

    def status_query(
        self, context: Any, host: str, instance: str, seq: int, sent: float
    ) -> Any:
        assert host == 'host1'
        data = server_group.status_done(seq)
        return contract.pack([contract.Delivery((instance,), data)])


@pytest.fixture
def relay(conf, folder, request):
    conf.set_override(
        'local_socket', str(folder / 'channel.sock'), 'nova_ext_channel'
    )
    conf.set_override('request_timeout', 1, 'nova_ext_groups')
    conf.set_override('check_interval', 1, 'nova_ext_groups')
    made = relay_process.RelayProcess(conf, 'host1')
    thread = threading.Thread(target=made.run)
    thread.start()

    def end() -> None:
        made.process.stop()
        thread.join(20)

    request.addfinalizer(end)
    return made


def heard(guest: Any) -> Any:
    return json.loads(guest.message().payload)


def test_from_guest_to_service_and_back(
    conf, relay, start, qemu, request
) -> None:
    guest = qemu()
    start()
    # Without any service, what is wrong is answered, and it counts as ill.
    polling.until(lambda: not relay.process.health._problems['guest channel'])
    guest.say(server_group.ADDRESS, '{"version":2,"msg_type":"bogus"}')
    assert heard(guest)['msg_type'] == 'nack'
    wanted = 'nova-ext-groups: ' + bus.NO_SERVICE
    polling.until(lambda: relay.process.health.problems() == [wanted])

    topic = conf.nova_ext_groups.topic
    served = bus.serve(bus.transport(conf), topic, 'copy1', Service(), 2)
    request.addfinalizer(served.wait)
    request.addfinalizer(served.stop)
    polling.until(lambda: not relay.process.health.problems())
    guest.say(
        server_group.ADDRESS, '{"version":2,"msg_type":"status_query","seq":5}'
    )
    assert heard(guest) == server_group.status_done(5)

    client = bus.Courier(
        {'cell': relay._transport}, relay._transport, topic, None
    )
    data = server_group.forwarded('instance-b', 'hello')
    delivery = contract.Delivery((guest.instance,), data)
    assert client.deliver('cell', 'host1', [delivery]) is None
    assert heard(guest) == data
