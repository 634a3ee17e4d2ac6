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
from typing import Any

import pytest

from nova_ext.wire import header
from nova_ext.wire import jsonc
from nova_ext.wire import server_group
from nova_ext.wire.jsonc import BadMessage
from tests.unit import captures

#: Whole messages of the captures; the rest was cut by a 4096 byte buffer.
TO_HOST = [
    item
    for item in captures.datagrams('to_program')
    if len(item) < server_group.MAX_DATAGRAM
]
SERVER = {'instance_id': 'a', 'state': 'active', 'access_ip_v4': None}
SEQ_LIMIT = server_group.MAX_SEQ


def built(message: server_group.FromHost) -> dict[str, Any]:
    """Return what our host sends to say the same."""
    if isinstance(message, server_group.Broadcast):
        return server_group.forwarded(message.source_instance, message.text)
    if isinstance(message, server_group.StatusResponse):
        return server_group.status_response(message.seq, message.server)
    if isinstance(message, server_group.StatusDone):
        return server_group.status_done(message.seq)
    if isinstance(message, server_group.Notification):
        return server_group.notification(message.event)
    return server_group.nack(message.orig_msg_type, message.log_msg)


@pytest.mark.parametrize('datagram', TO_HOST)
def test_what_an_original_guest_sent(datagram: bytes) -> None:
    data = json.loads(datagram)['data']
    if data['msg_type'] == 'bogus':
        with pytest.raises(server_group.Refused) as caught:
            server_group.parse_from_guest(data)
        assert caught.value.orig_msg_type == 'bogus'
        return
    message = server_group.parse_from_guest(data)
    if isinstance(message, server_group.StatusQuery):
        made = server_group.status_query(message.seq)
    elif len(message.text) <= server_group.MAX_TEXT:
        made = server_group.broadcast(message.text)
    else:
        assert len(message.text) == 3900
        return
    made['version'] = data['version']
    line = header.serial(jsonc.dumps(made), 'cgcs.server_grp', 'x')
    assert jsonc.dumps(data).encode() in line
    assert list(made) == list(data)


@pytest.mark.parametrize('packet', captures.datagrams('from_program'))
def test_our_host_says_what_the_original_said(packet: bytes) -> None:
    """All but its two oddities: the version of a broadcast, and the server
    that it repeats in ``done``."""
    data = json.loads(packet)['data']
    made = built(server_group.parse_from_host(data))
    if data['msg_type'] == 'broadcast':
        assert data['version'] == 'version'
        data['version'] = 2
    if data['msg_type'] == 'status_response_done':
        del data['data']
    assert jsonc.dumps(made) == jsonc.dumps(data)


def test_both_kinds_are_in_the_captures() -> None:
    kinds = {json.loads(item)['data']['msg_type'] for item in TO_HOST}
    assert kinds == {'broadcast', 'status_query', 'bogus'}
    answers = captures.datagrams('from_program')
    kinds = {json.loads(item)['data']['msg_type'] for item in answers}
    assert kinds == {
        'broadcast',
        'status_response',
        'status_response_done',
        'nack',
    }


QUERY = {'version': 2, 'msg_type': 'status_query', 'seq': 1}
TALK = {'version': 2, 'msg_type': 'broadcast', 'data': 'x'}


@pytest.mark.parametrize(
    ('data', 'named', 'said'),
    [
        (None, 'unknown', 'data is not an object'),
        ([1], 'unknown', 'data is not an object'),
        ({}, 'unknown', 'version is not 2'),
        ({**QUERY, 'version': 1}, 'status_query', 'version is not 2'),
        ({**TALK, 'version': 'version'}, 'broadcast', 'version is not 2'),
        ({**QUERY, 'msg_type': 7}, 'unknown', 'msg_type is not'),
        ({**QUERY, 'msg_type': 'a\nb'}, 'a\\nb', 'msg_type is not'),
        ({**QUERY, 'msg_type': 'x' * 99}, 'x' * 64, 'msg_type is not'),
        ({**QUERY, 'seq': '1'}, 'status_query', 'seq is missing'),
        ({**QUERY, 'seq': True}, 'status_query', 'seq is missing'),
        ({**QUERY, 'seq': SEQ_LIMIT + 1}, 'status_query', 'seq is missing'),
        ({**TALK, 'data': None}, 'broadcast', 'data is not a string'),
        ({**TALK, 'data': '\ud800'}, 'broadcast', 'not Unicode text'),
        ({**TALK, 'data': 'x' * 3957}, 'broadcast', '4096 bytes'),
        ({**TALK, 'data': '"' * 2000}, 'broadcast', 'wanted less than'),
    ],
)
def test_what_a_host_refuses(data: Any, named: str, said: str) -> None:
    with pytest.raises(server_group.Refused, match=said) as caught:
        server_group.parse_from_guest(data)
    assert caught.value.orig_msg_type == named
    # The nack itself can always be sent.
    made = server_group.nack(named, str(caught.value))
    assert server_group.guest_size(made) < 400


def test_the_longest_broadcast_that_a_host_passes_on_can_be_read() -> None:
    data = {**TALK, 'data': 'x' * 3956}
    message = server_group.parse_from_guest(data)
    assert isinstance(message, server_group.Broadcast)
    sent = server_group.forwarded('instance-0123456789', message.text)
    assert server_group.guest_size(sent) == server_group.MAX_DATAGRAM - 1


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x' * 3051, 'has 3051 bytes; a broadcast carries at most 3050'),
        ('é' * 1526, 'has 3052 bytes'),
        ('/' * 2500, 'must be shorter than 4096'),
        ('\0' * 700, 'must be shorter than 4096'),
    ],
)
def test_a_guest_is_told_that_its_text_is_too_long(
    text: str, said: str
) -> None:
    with pytest.raises(server_group.TooLong, match=said):
        server_group.broadcast(text)


@pytest.mark.parametrize('text', ['', 'x' * 3050, 'é' * 1525, '/' * 1900])
def test_a_text_that_every_host_takes(text: str) -> None:
    data = server_group.broadcast(text)
    assert server_group.host_size(data) < server_group.MAX_DATAGRAM
    assert server_group.parse_from_guest(data) == (text, '')


def test_half_a_surrogate_pair_is_refused_at_the_sender() -> None:
    with pytest.raises(BadMessage):
        server_group.broadcast('\udc00')


@pytest.mark.parametrize(
    'message',
    [
        server_group.Broadcast('text', 'instance-0000000b'),
        server_group.StatusResponse(3, SERVER),
        server_group.StatusDone(3),
        server_group.Notification({'event_type': 'compute.instance.x'}),
        server_group.Nack('bogus', 'msg_type is not known'),
    ],
)
def test_a_guest_reads_what_our_host_builds(
    message: server_group.FromHost,
) -> None:
    assert server_group.parse_from_host(built(message)) == message


@pytest.mark.parametrize('version', [2, '2', 'version', None, 1])
def test_a_guest_looks_at_no_version(version: object) -> None:
    data = server_group.forwarded('instance-0000000b', 'x')
    data['version'] = version
    assert server_group.parse_from_host(data) == ('x', 'instance-0000000b')


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        (7, 'data is not an object'),
        ({'msg_type': 'other'}, "msg_type 'other' is not known"),
        ({'msg_type': 'status_response', 'data': {}}, 'seq is missing'),
        ({'msg_type': 'status_response_done'}, 'seq is missing'),
        ({'msg_type': 'notification', 'data': []}, 'not an object'),
    ],
)
def test_what_a_guest_cannot_use(data: Any, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        server_group.parse_from_host(data)


def test_a_broadcast_of_another_type_is_its_json() -> None:
    """The original host passes on what it gets."""
    data = {'msg_type': 'broadcast', 'data': {'a': [1, 2]}}
    assert server_group.parse_from_host(data) == ('{"a":[1,2]}', '')


def test_a_bare_nack_still_has_a_reason() -> None:
    assert server_group.parse_from_host({'msg_type': 'nack'}) == (
        'unknown',
        'no reason given',
    )
