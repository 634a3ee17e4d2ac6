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
"""What is in the way before a compute host is asked."""

import pytest

from nova_ext.api import blockers
from tests.unit.api import fakes


def found(cloud, ctxt=None):
    return [
        (blocker.error.code, str(blocker.error), blocker.remedy)
        for blocker in blockers.find(ctxt or fakes.user(), cloud.server)
    ]


def test_none(cloud):
    assert found(cloud) == []


def test_all_at_once(cloud):
    cloud.up = False
    cloud.server.locked = True
    cloud.server.vm_state = 'paused'
    cloud.server.task_state = 'unpausing'
    assert [code for code, _, _ in found(cloud)] == [409, 409, 409, 503]


def test_lock_is_none_for_an_administrator(cloud):
    cloud.server.locked = True
    assert len(found(cloud)) == 1
    assert found(cloud, fakes.user(admin=True)) == []


@pytest.mark.parametrize(
    'state, remedy',
    [
        ('building', 'Wait until the server is ACTIVE.'),
        ('stopped', 'Start the server (openstack server start).'),
        ('paused', 'Unpause the server (openstack server unpause).'),
        ('suspended', 'Resume the server (openstack server resume).'),
        ('rescued', 'Unrescue the server (openstack server unrescue).'),
        ('resized', 'Confirm or revert the resize'),
        ('shelved', 'Unshelve the server (openstack server unshelve).'),
        ('error', 'by a hard reboot for example.'),
    ],
)
def test_state_and_its_remedy(cloud, state, remedy):
    cloud.server.vm_state = state
    ((code, reason, said),) = found(cloud)
    assert code == 409
    assert reason.endswith('while it is in vm_state %s' % state)
    assert remedy in said


def test_services_that_are_not_compute_do_not_count(cloud):
    cloud.server.services.objects[0].binary = 'nova-scheduler'
    ((code, reason, _),) = found(cloud)
    assert code == 503
    assert 'is down or cut off' in reason
