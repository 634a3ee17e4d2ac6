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
"""RabbitMQ goes away: guests see silence, and all resumes by itself.

``NOVA_EXT_BUS_AWAY`` is for how many seconds; by default a minute.
"""

import base64
import json
import os
import signal
import typing

from tests.lab import guest
from tests.lab import messaging
from tests.lab import openstack
from tests.lab import rabbitmq
from tests.lab import rest
from tests.lab import servers

AWAY = float(os.environ.get('NOVA_EXT_BUS_AWAY', '60'))

FLAVOR = {**servers.DEDICATED, 'sw:wrs:srv_grp_messaging': 'true'}

#: A program of a guest that sends one message and prints what comes within
#: some seconds, or until an end or a nack; by the original protocol.
PROGRAM = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0cgcs.server_grp')
s.settimeout(float(sys.argv[2]))
data = json.loads(sys.argv[1])
message = {'data': data, 'version': 2, 'dest_addr': 'cgcs.server_grp'}
s.sendto(json.dumps(message).encode(), '\\0cgcs.messaging')
heard = []
try:
    while True:
        heard.append(json.loads(s.recv(4096).decode())['data'])
        if heard[-1]['msg_type'] in ('nack', 'status_response_done'):
            break
except socket.timeout:
    pass
print(json.dumps(heard))
"""


def say(
    domain: guest.Guest, data: dict[str, object], seconds: float = 20
) -> list[dict[str, typing.Any]]:
    """Send a guest's message; what the guest hears, but notifications."""
    program = base64.b64encode(PROGRAM.encode()).decode()
    message = base64.b64encode(json.dumps(data).encode()).decode()
    text = domain.run(
        f'echo {program} | base64 -d > /run/say.py && python3 /run/say.py '
        f'"$(echo {message} | base64 -d)" {seconds}',
        seconds + 30,
    )
    heard: list[dict[str, typing.Any]] = json.loads(text)
    return [one for one in heard if one['msg_type'] != 'notification']


def query(seq: int) -> dict[str, object]:
    """A status query."""
    return {'version': 2, 'msg_type': 'status_query', 'seq': seq}


def lost(lab: openstack.Lab) -> float:
    """How many guests' messages the relay has lost."""
    found = messaging.counters(lab.paths, messaging.RELAY)
    return sum(
        value
        for name, value in found.items()
        if name.startswith('nova_ext_groups_relay_lost_total')
    )


def healthy(lab: openstack.Lab) -> bool:
    """Whether both programs say that all is well."""
    return all(
        messaging.ask(lab.paths, name, '/health')[0] == 200
        for name in (messaging.SERVICE, messaging.RELAY)
    )


def nova_up(users: servers.Servers) -> bool:
    """Whether all of Nova's services are up for its scheduler."""
    found = users.admin.get('compute', '/os-services')['services']
    return all(one['state'] == 'up' for one in found)


def test_guests_see_silence_and_all_resumes(
    lab: openstack.Lab, users: servers.Servers
) -> None:
    group = users.group('talk', 'affinity')
    users.boot('A', users.flavor('talking-1', 1, FLAVOR), group)
    domain = users.probes.guest(users.uuids['A'])
    rest.wait_for('both programs well', lambda: healthy(lab), 60)
    before = say(domain, query(1))
    assert [one['msg_type'] for one in before] == [
        'status_response',
        'status_response_done',
    ]
    lost_before = lost(lab)

    lab.control.stop('rabbitmq', signal.SIGTERM, 60)
    try:
        rest.wait_for('the loss noticed', lambda: not healthy(lab), 60)
        assert say(domain, query(3), AWAY) == []
        # What is wrong is still answered, here on this host.
        (answer,) = say(domain, {'version': 2, 'msg_type': 'bogus'})
        assert answer['msg_type'] == 'nack'
        running = lab.control.services()
        for name in (messaging.SERVICE, messaging.RELAY, 'nova-ext-channel'):
            assert running[name]['status'] is None
    finally:
        lab.control.start(rabbitmq.service(lab.paths, lab.running_settings()))

    rest.wait_for('both programs well again', lambda: healthy(lab), 120)

    def answered() -> bool:
        heard = say(domain, query(5))
        return [one['seq'] for one in heard if 'data' in one] == [5]

    rest.wait_for('an answer again', answered, 60)
    assert lost(lab) > lost_before
    assert "Traceback" not in lab.control.log(messaging.RELAY).read_text()
    rest.wait_for('nova up again', lambda: nova_up(users), 120)
