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
"""A real-time server keeps its guarantees while it scales."""

from tests.lab import agreement
from tests.lab import servers

REALTIME = {
    **servers.SCALABLE,
    'hw:cpu_realtime': 'yes',
    'hw:cpu_realtime_mask': '^0',
}


def policies(users: servers.Servers) -> dict[int, str]:
    """The kernel's scheduling policy of each vCPU's thread."""
    view = users.view()
    assert agreement.problems(view) == []
    return {thread.vcpu: thread.policy for thread in view.server('A').threads}


def scale(users: servers.Servers, direction: str) -> None:
    """Scale one step."""
    body = {'wrs-res:scale': {'resource': 'cpu', 'direction': direction}}
    path = f'/servers/{users.uuids["A"]}/action'
    users.member.post('compute', path, body)


def test_policy_follows_the_vcpu(users: servers.Servers) -> None:
    users.boot('A', users.flavor('realtime-2', 2, REALTIME))
    assert policies(users) == {0: 'OTHER', 1: 'FIFO 1'}

    scale(users, 'down')
    assert policies(users) == {0: 'OTHER', 1: 'OTHER'}

    scale(users, 'up')
    assert policies(users) == {0: 'OTHER', 1: 'FIFO 1'}
