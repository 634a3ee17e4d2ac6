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
"""Asking a guest through a daemon on a real socket."""

import time

import pytest

from nova_ext import exception
from nova_ext.scaling import coordinator
from nova_ext.wire import addresses
from tests.unit.scaling import daemon

GUEST = 'instance-00000001'
AGENT = 'cgcs.scale'
SOON = 0.3
PATIENT = 20.0


def down(cpu, **more):
    return {
        'result': 'success',
        'offline_cpu': cpu,
        'online_cpus': [0],
        'version': 2,
        'resource': 'cpu',
        'direction': 'down',
        **more,
    }


def up(cpu, **more):
    answer = down(cpu, direction='up', online_cpu=cpu)
    del answer['offline_cpu']
    return {**answer, **more}


def failure(reason, direction='down'):
    return {
        'result': 'fail',
        'err_msg': reason,
        'version': 2,
        'resource': 'cpu',
        'direction': direction,
    }


@pytest.fixture
def channel(tmp_path):
    """Return how to start a daemon; it is stopped after the test."""
    started = []

    def start(script):
        path = str(tmp_path / 'channel.sock')
        started.append(daemon.Daemon(path, script))
        return started[0], coordinator.AgentCoordinator(path)

    yield start
    for one in started:
        one.stop()


def answering(*answers):
    """Answer the first request with all of these, and a nack with none."""
    replies = [
        answer if isinstance(answer, tuple) else (GUEST, AGENT, answer)
        for answer in answers
    ]

    def script(message):
        if message['data']['msg_type'] == 'nack':
            return []
        return replies

    return script


def test_the_guest_takes_a_vcpu_offline(channel):
    served, guest = channel(answering(down(3)))
    assert guest.take_offline(GUEST, PATIENT) == 3
    (message,) = served.sent
    assert message['dest_instance'] == GUEST
    assert message['dest_addr'] == AGENT
    assert message['data'] == {
        'version': 2,
        'msg_type': 'scale_request',
        'timeout_ms': 19500,
        'resource': 'cpu',
        'direction': 'down',
    }


def test_the_host_may_say_which_vcpu_goes(channel):
    served, guest = channel(answering(down(2)))
    assert guest.take_offline(GUEST, PATIENT, 2) == 2
    assert served.sent[0]['data']['offline_cpu'] == 2


def test_the_guest_brings_a_vcpu_online(channel):
    served, guest = channel(answering(up(1)))
    guest.bring_online(GUEST, 1, frozenset({0, 1, 3}), PATIENT)
    data = served.sent[0]['data']
    assert data['direction'] == 'up'
    assert data['online_cpu'] == 1
    assert data['online_cpus'] == [0, 1, 3]


def test_another_vcpu_than_asked_for_is_a_failure(channel):
    _, guest = channel(answering(up(2)))
    with pytest.raises(
        exception.ScalingFailed, match='brought vCPU 2 online instead of 1'
    ):
        guest.bring_online(GUEST, 1, frozenset({0, 1}), PATIENT)


def test_each_request_has_an_address_of_its_own(channel):
    served, guest = channel(answering(down(1)))
    guest.take_offline(GUEST, PATIENT)
    guest.take_offline(GUEST, PATIENT)
    first, second = served.bound
    assert first != second
    for address in served.bound:
        assert address.startswith(addresses.SCALE_PREFIX)
        assert len(address) <= 15


def test_a_guest_that_refuses(channel):
    _, guest = channel(answering(failure('no vCPU to spare\x1b[2J')))
    with pytest.raises(exception.GuestRefused) as caught:
        guest.take_offline(GUEST, PATIENT)
    assert "no vCPU to spare\\x1b[2J" in str(caught.value)


def test_a_silent_guest_is_told_that_it_is_too_late(channel):
    served, guest = channel(lambda message: [])
    begun = time.monotonic()
    with pytest.raises(
        exception.GuestSilent, match='did not answer.*within 0.3 s'
    ):
        guest.take_offline(GUEST, SOON)
    assert time.monotonic() - begun >= SOON
    with pytest.raises(exception.GuestSilent):
        guest.take_offline(GUEST, SOON)
    # The second request ended, so the daemon has read the first one's nack.
    request, nack = served.sent[:2]
    assert request['data']['msg_type'] == 'scale_request'
    assert nack['data'] == {
        'version': 2,
        'msg_type': 'nack',
        'log_msg': 'no answer in time',
    }


def test_only_the_agent_of_the_guest_is_listened_to(channel):
    _, guest = channel(
        answering(
            ('instance-00000002', AGENT, down(7)),
            (GUEST, 'cgcs.server_grp', down(8)),
            down(1),
        )
    )
    assert guest.take_offline(GUEST, PATIENT) == 1


@pytest.mark.parametrize(
    ('bad', 'said'),
    [
        ('text', 'data is not an object'),
        (down(1, version=1), 'version is not 2'),
        (down(1, resource='memory'), 'resource is not "cpu"'),
        (up(1), 'direction is not "down"'),
        (down(1, result='maybe'), 'result is neither'),
        (down(None), 'offline_cpu is missing or no number'),
        (down('1'), 'offline_cpu is missing or no number'),
        (down(True), 'offline_cpu is missing or no number'),
    ],
)
def test_a_malformed_answer_is_nacked_and_the_right_one_taken(
    channel, bad, said
):
    served, guest = channel(answering(bad, down(3)))
    assert guest.take_offline(GUEST, PATIENT) == 3
    served_again = guest.take_offline(GUEST, PATIENT)
    assert served_again == 3
    nack = served.sent[1]['data']
    assert nack['msg_type'] == 'nack'
    assert said in nack['log_msg']


@pytest.mark.parametrize(
    'flood',
    [
        (GUEST, AGENT, down(1, version=1)),
        (GUEST, 'cgcs.server_grp', down(1)),
        ('instance-00000002', AGENT, down(1)),
    ],
    ids=['bad answers', 'another program', 'another guest'],
)
def test_a_guest_that_floods_fills_no_log(channel, flood, caplog) -> None:
    served, guest = channel(answering(*([flood] * 300), down(3)))
    assert guest.take_offline(GUEST, PATIENT) == 3
    # The second request ends after the daemon has read the first one's nacks.
    assert guest.take_offline(GUEST, PATIENT) == 3
    kinds = [message['data']['msg_type'] for message in served.sent]
    first = kinds[: kinds.index('scale_request', 1)]
    assert first.count('nack') <= coordinator.MOST_COMPLAINTS
    assert len(caplog.records) == 2 * coordinator.MOST_COMPLAINTS


def test_a_flood_does_not_keep_the_last_nack_back(channel, caplog) -> None:
    flood = [(GUEST, AGENT, down(1, version=1))] * 20
    served, guest = channel(answering(*flood))
    for _ in range(2):
        with pytest.raises(exception.GuestSilent):
            guest.take_offline(GUEST, SOON)
    said = [message['data'].get('log_msg') for message in served.sent]
    first = said[1 : said.index(None, 1)]
    assert first.pop() == 'no answer in time'
    assert len(first) <= coordinator.MOST_COMPLAINTS
    assert len(caplog.records) <= 2 * coordinator.MOST_COMPLAINTS + 2


def test_a_late_answer_is_not_taken_for_that_of_a_newer_request(channel):
    """The answer comes when nobody has its address any more."""
    late = []

    def script(message):
        if message['data']['msg_type'] == 'nack':
            return []
        late.append(message)
        # The first request gets no answer in time; only the second does.
        return [] if len(late) == 1 else [(GUEST, AGENT, down(2))]

    served, guest = channel(script)
    with pytest.raises(exception.GuestSilent):
        guest.take_offline(GUEST, SOON)
    assert guest.take_offline(GUEST, PATIENT) == 2
    assert len(set(served.bound)) == 2


def test_no_daemon(tmp_path):
    path = str(tmp_path / 'nobody.sock')
    guest = coordinator.AgentCoordinator(path)
    with pytest.raises(
        exception.ChannelUnavailable,
        match='nobody.sock .No such file.*check that nova-ext-channel runs',
    ):
        guest.take_offline(GUEST, PATIENT)


def test_a_daemon_that_goes_away_before_the_answer(channel):
    _, guest = channel(lambda message: [None])
    with pytest.raises(
        exception.ChannelUnavailable, match='check that nova-ext-channel runs'
    ):
        guest.take_offline(GUEST, PATIENT)
