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

from nova_ext.groups import events
from nova_ext.groups import fitting
from nova_ext.groups import payload
from nova_ext.wire import server_group


def build(server: dict[str, Any]) -> dict[str, Any]:
    return server_group.status_response(1, server)


def fit(**changes: Any) -> dict[str, Any]:
    whole = {**dict.fromkeys(payload.STATUS_KEYS), 'state': 'active'}
    data = fitting.fit(build, {**whole, **changes})
    assert data is not None
    assert server_group.guest_size(data) < server_group.MAX_DATAGRAM
    server: dict[str, Any] = data['data']
    return server


def test_what_fits_is_not_touched() -> None:
    content = {'image_meta': {'a': 'b'}, 'metadata': {'c': 'x' * 2000}}
    found = fit(**content)
    assert {key: found[key] for key in content} == content
    assert fitting.MARK not in found


def test_the_images_properties_go_first() -> None:
    found = fit(image_meta={'a': 'x' * 3000}, metadata={'c': 'x' * 2000})
    assert found['image_meta'] == {}
    assert found['metadata'] == {'c': 'x' * 2000}
    assert found[fitting.MARK] == ['image_meta']


def test_then_the_metadata() -> None:
    found = fit(image_meta={'a': 'b'}, metadata={'c': 'x' * 4000})
    assert found['image_meta'] == {} and found['metadata'] == {}
    assert found[fitting.MARK] == ['image_meta', 'metadata']


def test_then_long_texts() -> None:
    found = fit(display_name='é' * 2000, hostname='x' * 64)
    assert found['display_name'] == 'é' * 32
    assert found['hostname'] == 'x' * 64
    assert found[fitting.MARK] == ['display_name']


@pytest.mark.parametrize('character', ['x', '/', '"', '\0', '\U0001f600'])
def test_every_server_fits(character: str) -> None:
    """Whatever texts its owner could choose, at their longest in Nova."""
    text = character * 255
    chosen = (
        'display_name',
        'hostname',
        'instance_type',
        'instance_flavor_id',
        'availability_zone',
        'os_type',
        'architecture',
        'kernel_id',
        'ramdisk_id',
        'image_ref_url',
        'tenant_id',
        'user_id',
        'reservation_id',
        'old_display_name',
        'message',
    )
    found = fit(
        image_meta={str(number): text for number in range(50)},
        metadata={str(number): text for number in range(128)},
        **dict.fromkeys(chosen, text),
    )
    assert found['state'] == 'active'


@pytest.mark.parametrize('character', ['x', '/', '"', '\0', '\U0001f600'])
def test_every_notification_fits(character: str) -> None:
    """With all that any event adds, and every text at its longest."""
    text = character * 255
    facts = {
        **dict.fromkeys(payload.STATUS_KEYS, text),
        'metadata': {str(number): text for number in range(128)},
        'image_meta': {str(number): text for number in range(50)},
    }

    def of(data: dict[str, Any]) -> dict[str, Any]:
        return {'nova_object.data': data}

    states = ('old_state', 'state', 'old_task_state', 'new_task_state')
    data = {
        'fault': of({'exception': text, 'exception_message': text}),
        'new_flavor': of({'name': text}),
        'state_update': of(dict.fromkeys(states, text)),
        'old_display_name': text,
        'volume_id': text,
    }
    event = events.ServerEvent(
        'uuid', 'compute.instance.update', '2026-11-21 14:00:00.123456', data
    )
    whole = payload.notification(event, facts, True)
    found = fitting.fit(
        lambda part: server_group.notification({**whole, 'payload': part}),
        whole['payload'],
    )
    assert server_group.guest_size(found) < server_group.MAX_DATAGRAM
    assert found is not None
    assert set(found['data']['payload']) == {*whole['payload'], fitting.MARK}


def test_what_cannot_fit_is_not_sent() -> None:
    assert fitting.fit(build, {'list': ['x' * 5000]}) is None


def test_the_payload_itself_is_not_changed() -> None:
    content = {'metadata': {'c': 'x' * 5000}}
    before = json.dumps(content)
    fitting.fit(build, content)
    assert json.dumps(content) == before
