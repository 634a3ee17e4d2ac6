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
"""GET and PUT of ``/servers/{id}/vcpu-scale``."""

import pytest

from nova_ext import exception
from nova_ext.model import record
from tests.unit.api import fakes

URL = '/servers/%s/vcpu-scale' % fakes.SERVER
LAST = record.LastRequest(**{**fakes.LAST, 'state': 'done', 'reached': 3})


def put(cloud, online, query='', **kwargs):
    body = {'vcpu_scale': {'online': online}}
    return cloud.request('PUT', URL + query, body, **kwargs)


def scale_down(cloud):
    cloud.server.system_metadata = record.ScaleRecord(
        offline=frozenset({1}), last=LAST
    ).to_metadata()
    cloud.server.numa_topology = fakes.topology(cloud.server.system_metadata)


def test_show_a_server_that_never_scaled(cloud):
    response = cloud.request('GET', URL)
    assert response.status_int == 200
    assert response.json == {
        'vcpu_scale': {
            'min': 2,
            'max': 4,
            'current': 4,
            'online': [0, 1, 2, 3],
            'offline': [],
            'accounting': 'current',
            'remarks': [],
            'stray': None,
            'last_request': None,
        }
    }
    assert cloud.calls == []


def test_show_a_scaled_down_server(cloud):
    scale_down(cloud)
    shown = cloud.request('GET', URL).json['vcpu_scale']
    assert shown['current'] == 3
    assert shown['online'] == [0, 2, 3]
    assert shown['offline'] == [1]
    assert shown['last_request'] == {
        'request_id': 'req-1',
        'direction': 'down',
        'target': 3,
        'reached': 3,
        'state': 'done',
        'reason': '',
        'updated_at': '2026-01-01T00:00:00Z',
    }


@pytest.mark.parametrize('state', ['paused', 'stopped', 'building'])
def test_show_needs_no_active_server(cloud, state):
    cloud.server.vm_state = state
    cloud.server.host = None
    assert cloud.request('GET', URL).status_int == 200


def test_an_administrator_sees_every_server(cloud):
    admin = fakes.user(project=fakes.OTHER_PROJECT, admin=True)
    assert cloud.request('GET', URL, ctxt=admin).status_int == 200


def test_update_begins_and_answers_with_the_view(cloud):
    response = put(cloud, 3)
    assert response.status_int == 202
    shown = response.json['vcpu_scale']
    assert shown['last_request'] == fakes.LAST
    assert shown['current'] == 4
    assert cloud.calls == [
        ('scale', {'direction': None, 'target': 3, 'wait': False})
    ]
    assert cloud.actions == [(fakes.SERVER, 'scale')]


def test_update_shows_what_the_request_has_done_by_now(cloud, monkeypatch):
    def begun(*args, **kwargs):
        cloud.server = fakes.server(system_metadata={'nova_ext_offline': '8'})
        return {'last_request': fakes.LAST}

    monkeypatch.setattr('nova_ext.api.compute_rpc.ComputeRPC.scale', begun)
    assert put(cloud, 3).json['vcpu_scale']['offline'] == [3]


def test_update_answers_although_the_server_has_gone(cloud, monkeypatch):
    def begun(*args, **kwargs):
        cloud.server = fakes.server(uuid=fakes.UNKNOWN)
        return {'last_request': fakes.LAST}

    monkeypatch.setattr('nova_ext.api.compute_rpc.ComputeRPC.scale', begun)
    response = put(cloud, 3)
    assert response.status_int == 202
    assert response.json['vcpu_scale']['last_request'] == fakes.LAST


def test_an_administrator_scales_a_locked_server(cloud):
    cloud.server.locked = True
    assert put(cloud, 3, ctxt=fakes.user(admin=True)).status_int == 202


def test_dry_run_changes_and_records_nothing(cloud):
    for word in ('true', '1', 'yes'):
        response = put(cloud, 3, '?dry_run=' + word)
        assert response.status_int == 200
        assert response.json == {'vcpu_scale': {'dry_run': fakes.PLAN}}
    assert {name for name, _ in cloud.calls} == {'plan'}
    assert cloud.calls[0][1] == {'target': 3}
    assert cloud.actions == []


def test_dry_run_false_is_no_dry_run(cloud):
    assert put(cloud, 3, '?dry_run=false').status_int == 202


def test_dry_run_is_the_hosts_own_answer_where_it_answers(cloud):
    cloud.server.task_state = 'rebooting'
    blockers = [{'reason': 'busy', 'remedy': 'wait'}]
    cloud.plan = {'plan': {**fakes.PLAN, 'blockers': blockers}}
    plan = put(cloud, 3, '?dry_run=true').json['vcpu_scale']['dry_run']
    assert plan['blockers'] == blockers


def test_dry_run_lists_every_blocker_without_a_host(cloud):
    cloud.up = False
    cloud.server.locked = True
    cloud.server.vm_state = 'stopped'
    cloud.server.task_state = 'powering-on'
    plan = put(cloud, 1, '?dry_run=true').json['vcpu_scale']['dry_run']
    assert (plan['current'], plan['target']) == (4, 1)
    assert plan['steps'] == []
    reasons = [blocker['reason'] for blocker in plan['blockers']]
    for expected, reason in zip(
        ['is locked', 'vm_state stopped', 'task_state', 'down', 'limits!'],
        reasons,
        strict=True,
    ):
        assert expected in reason
    assert all(blocker['remedy'] for blocker in plan['blockers'])
    assert cloud.calls == []


def test_dry_run_of_a_server_without_host(cloud):
    cloud.server.vm_state = 'shelved_offloaded'
    cloud.server.host = None
    plan = put(cloud, 3, '?dry_run=true').json['vcpu_scale']['dry_run']
    remedies = [blocker['remedy'] for blocker in plan['blockers']]
    assert 'unshelve' in remedies[0]
    assert cloud.calls == []


def test_dry_run_where_the_host_is_silent(cloud):
    cloud.plan = exception.ComputeSilent(server=fakes.SERVER)
    plan = put(cloud, 3, '?dry_run=true').json['vcpu_scale']['dry_run']
    (blocker,) = plan['blockers']
    assert 'it did not answer' in blocker['reason']
    assert 'nova-compute' in blocker['remedy']


def test_dry_run_that_the_host_cannot_make(cloud):
    cloud.plan = {'error': {'code': 409, 'message': 'deleted meanwhile'}}
    response = put(cloud, 3, '?dry_run=true')
    assert response.status_int == 409
    assert fakes.fault(response) == 'deleted meanwhile'


def test_dry_run_that_the_host_cannot_make_for_a_known_reason(cloud):
    cloud.server.vm_state = 'stopped'
    cloud.plan = {'error': {'code': 503, 'message': 'no domain'}}
    plan = put(cloud, 3, '?dry_run=true').json['vcpu_scale']['dry_run']
    assert 'vm_state stopped' in plan['blockers'][0]['reason']
