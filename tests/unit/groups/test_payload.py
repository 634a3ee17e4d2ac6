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
import json
from typing import Any

import pytest

from nova_ext.groups import events
from nova_ext.groups import payload

SECRETS = {
    'user_data': 'SECRET',
    'admin_pass': 'SECRET',
    'adminPass': 'SECRET',
    'key_name': 'SECRET',
    'keypairs': ['SECRET'],
    'block_devices': ['SECRET'],
    'shares': ['SECRET'],
    'locked_reason': 'SECRET',
    'request_id': 'SECRET',
    'action_initiator_user': 'SECRET',
    'action_initiator_project': 'SECRET',
    'ip_addresses': ['SECRET'],
    'connection_info': 'SECRET',
    'trusted_image_certificates': ['SECRET'],
}
FACTS = {
    'tenant_id': 'project-1',
    'instance_id': 'uuid-1',
    'host': 'compute-7',
    'node': 'compute-7.example.org',
    'created_at': datetime.datetime(
        2026, 11, 21, 10, 0, 1, tzinfo=datetime.timezone.utc
    ),
    'launched_at': datetime.datetime(2026, 11, 21, 10, 0, 5, 250000),
    'state': 'active',
    'image_meta': {'min_ram': '0'},
    'metadata': {'role': 'db'},
    'vcpus': 4,
    **SECRETS,
}


def wrap(**data: Any) -> dict[str, Any]:
    return {'nova_object.data': data}


def event(suffix: str = 'pause.end', **data: Any) -> events.ServerEvent:
    return events.ServerEvent(
        'uuid-1',
        'compute.instance.' + suffix,
        '2026-11-21 10:00:09.123456',
        {'uuid': 'uuid-1', 'tenant_id': 'project-1', **data, **SECRETS},
    )


def test_a_status_has_the_old_keys_and_no_other() -> None:
    found = payload.status(FACTS, False)
    assert tuple(found) == payload.STATUS_KEYS
    assert found['state'] == 'active'
    assert found['created_at'] == '2026-11-21 10:00:01+00:00'
    assert found['launched_at'] == '2026-11-21T10:00:05.250000'
    assert found['terminated_at'] == ''
    assert found['metadata'] == {'role': 'db'}


def test_a_server_of_which_little_is_known_has_all_keys() -> None:
    found = payload.status({}, False)
    assert tuple(found) == payload.STATUS_KEYS
    assert found['image_meta'] == {} and found['metadata'] == {}
    assert found['host'] is None and found['node'] is None


@pytest.mark.parametrize('internals', [False, True])
def test_secrets_never_leave(internals: bool) -> None:
    said = json.dumps(
        [
            payload.status(FACTS, internals),
            payload.notification(event(), FACTS, internals),
            payload.notification(event('update'), FACTS, internals),
        ]
    )
    assert 'SECRET' not in said


def test_host_names_leave_only_when_the_operator_allows() -> None:
    hidden = json.dumps(
        [
            payload.status(FACTS, False),
            payload.notification(event(host='compute-7'), FACTS, False),
        ]
    )
    assert 'compute-7' not in hidden
    assert payload.status(FACTS, True)['host'] == 'compute-7'
    assert payload.status(FACTS, True)['node'] == 'compute-7.example.org'


def test_a_hidden_host_is_the_host_id_of_the_compute_api() -> None:
    found = payload.status(FACTS, False)
    # echo -n project-1compute-7 | sha224sum
    assert found['host'] == (
        'c68361f41e3cc725795be8ecf4a93903f64a95ef50005ace5e54d28a'
    )
    assert found['node'] == found['host']
    other = payload.status({**FACTS, 'tenant_id': 'project-2'}, False)
    assert other['host'] != found['host']


def test_a_notification_has_the_old_shape() -> None:
    found = payload.notification(event(state='paused'), FACTS, False)
    assert list(found) == ['payload', 'event_type', 'priority', 'timestamp']
    assert found['event_type'] == 'compute.instance.pause.end'
    assert found['priority'] == 'INFO'
    assert found['timestamp'] == '2026-11-21 10:00:09.123456'
    assert found['payload']['state'] == 'paused'
    assert set(payload.STATUS_KEYS) == set(found['payload'])


def test_the_event_prevails_over_the_records() -> None:
    """It tells how it was when it happened."""
    flavor = wrap(
        name='small',
        flavorid='1',
        memory_mb=512,
        vcpus=2,
        root_gb=1,
        ephemeral_gb=2,
        extra_specs={'x': 'SECRET'},
    )
    found = payload.notification(
        event(
            flavor=flavor,
            task_state='pausing',
            host_name='vm-1',
            image_uuid='image-1',
            launched_at='2026-11-21T10:00:07Z',
        ),
        FACTS,
        False,
    )['payload']
    assert found['vcpus'] == 2
    assert found['disk_gb'] == 3
    assert found['instance_type'] == 'small'
    assert found['state_description'] == 'pausing'
    assert found['hostname'] == 'vm-1'
    assert found['image_ref_url'] == 'image-1'
    assert found['launched_at'] == '2026-11-21T10:00:07.000000'
    assert found['image_meta'] == {'min_ram': '0'}
    assert 'SECRET' not in json.dumps(found)


@pytest.mark.parametrize(
    ('internals', 'message'),
    [(False, 'NoValidHost'), (True, 'no host at /etc/x')],
)
def test_of_an_error_its_kind_leaves(internals: bool, message: str) -> None:
    fault = wrap(
        exception='NoValidHost',
        exception_message='no host at /etc/x',
        traceback='SECRET',
        module_name='SECRET',
        function_name='SECRET',
    )
    found = payload.notification(event(fault=fault), FACTS, internals)
    assert found['priority'] == 'INFO'
    assert found['payload']['exception'] == 'NoValidHost'
    assert found['payload']['message'] == message
    assert 'SECRET' not in json.dumps(found)


def test_an_update() -> None:
    found = payload.notification(
        event(
            'update',
            power_state='paused',
            old_display_name='before',
            state_update=wrap(
                old_state='active',
                state='paused',
                old_task_state='pausing',
                new_task_state=None,
            ),
            audit_period=wrap(
                audit_period_beginning='2026-11-01T00:00:00Z',
                audit_period_ending='2026-11-21T10:00:00Z',
            ),
        ),
        FACTS,
        False,
    )['payload']
    expected = {
        'old_state': 'active',
        'state': 'paused',
        'old_task_state': 'pausing',
        'new_task_state': None,
        'power_state': 3,
        'audit_period_beginning': '2026-11-01T00:00:00.000000',
        'audit_period_ending': '2026-11-21T10:00:00.000000',
        'bandwidth': {},
        'old_display_name': 'before',
    }
    assert {key: found[key] for key in expected} == expected


def test_a_resize_names_the_new_flavor() -> None:
    found = payload.notification(
        event('resize.prep.start', new_flavor=wrap(name='big')), FACTS, False
    )
    assert found['payload']['new_instance_type'] == 'big'


def test_a_scaled_server_says_how_many_vcpus_are_online() -> None:
    found = payload.notification(
        event('scale.end', online_vcpus=3), FACTS, False
    )['payload']
    assert (found['vcpus'], found['online_vcpus']) == (4, 3)


def test_a_time_in_another_form_is_passed_on() -> None:
    found = payload.status({'created_at': 'long ago'}, False)
    assert found['created_at'] == 'long ago'
