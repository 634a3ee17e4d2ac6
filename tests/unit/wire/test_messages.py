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
from nova_ext.wire import messages
from nova_ext.wire.jsonc import BadMessage
from tests.unit import captures

EXCHANGES = list(captures.exchanges())


def name_of(item: dict[str, Any]) -> str:
    return str(item['name'])


@pytest.mark.parametrize('item', EXCHANGES, ids=name_of)
def test_our_request_has_the_captured_bytes(item: dict[str, Any]) -> None:
    sent = json.loads(item['request'])
    data = sent['data']
    if data['direction'] == 'down':
        made = messages.down_request(data['timeout_ms'])
    else:
        others = set(data['online_cpus']) - {data['online_cpu']}
        made = messages.up_request(
            data['timeout_ms'], data['online_cpu'], others
        )
    assert (
        header.serial(
            jsonc.dumps(made), sent['dest_addr'], sent['source_addr']
        )
        == item['request']
    )


@pytest.mark.parametrize('item', EXCHANGES, ids=name_of)
def test_the_captured_answer_is_understood(item: dict[str, Any]) -> None:
    data = json.loads(item['answered'])['data']
    answer = messages.parse_response(data, data['direction'])
    if isinstance(item['host'], int):
        assert answer.cpu == item['host']
        assert answer.reason is None
        assert answer.online == tuple(data['online_cpus'])
    else:
        assert answer.cpu is None
        assert answer.reason == item['host']


def test_the_hint_is_the_last_key_so_that_old_agents_pass_over_it() -> None:
    data = messages.down_request(9000, offline_cpu=3)
    assert list(data) == [*messages.down_request(9000), 'offline_cpu']
    assert data['offline_cpu'] == 3


GOOD = {
    'result': 'success',
    'offline_cpu': 2,
    'online_cpus': [0, 1],
    'version': 2,
    'resource': 'cpu',
    'direction': 'down',
}


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'version': 1}, 'version is not 2'),
        ({'version': None}, 'version is not 2'),
        ({'resource': 'disk'}, 'resource is not "cpu"'),
        ({'direction': 'up'}, 'direction is not "down"'),
        ({'result': None}, 'result is neither "success" nor "fail"'),
        ({'offline_cpu': None}, 'offline_cpu is missing or no number'),
        ({'offline_cpu': True}, 'offline_cpu is missing or no number'),
        ({'offline_cpu': '2'}, 'offline_cpu is missing or no number'),
    ],
)
def test_an_answer_to_nack(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        messages.parse_response({**GOOD, **change}, 'down')


@pytest.mark.parametrize('data', [None, [], 'text', 7])
def test_an_answer_that_is_no_object(data: object) -> None:
    with pytest.raises(BadMessage, match='data is not an object'):
        messages.parse_response(data, 'down')


@pytest.mark.parametrize('online', [None, 'x', [None], [True], {}, [0, 3]])
def test_the_online_list_never_spoils_an_answer(online: object) -> None:
    answer = messages.parse_response({**GOOD, 'online_cpus': online}, 'down')
    assert answer.cpu == 2


def test_a_failure_without_text_still_has_a_reason() -> None:
    answer = messages.parse_response({**GOOD, 'result': 'fail'}, 'down')
    assert answer.reason == 'no reason given'


def test_a_nack_has_the_keys_of_the_original() -> None:
    assert jsonc.dumps(messages.nack('late')) == (
        '{"version":2,"msg_type":"nack","log_msg":"late"}'
    )


def test_an_announcement_there_and_back() -> None:
    data = messages.ready([3, 0, 1])
    assert json.loads(jsonc.dumps(data))['online_cpus'] == [0, 1, 3]
    assert messages.parse_ready(data) == {0, 1, 3}


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        ([], 'not an object'),
        ({**messages.ready([0]), 'version': 1}, 'version is not 2'),
        ({**messages.ready([0]), 'msg_type': 'nack'}, 'msg_type'),
        ({**messages.ready([0]), 'resource': 'ram'}, 'resource'),
        ({**messages.ready([0]), 'online_cpus': '0'}, 'no list of numbers'),
        ({**messages.ready([0]), 'online_cpus': [True]}, 'no list of'),
    ],
)
def test_what_is_no_announcement(data: Any, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        messages.parse_ready(data)
