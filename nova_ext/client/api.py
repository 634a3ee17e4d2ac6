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
"""The package's REST API, through the compute proxy of openstacksdk."""

from collections.abc import Callable
import time
from typing import Any
from typing import NoReturn

from osc_lib import exceptions

from nova_ext.model.record import DONE
from nova_ext.model.record import IN_PROGRESS

#: Fields of ``last_request``, in the order in which they are shown.
LAST_FIELDS = (
    'state',
    'reason',
    'direction',
    'target',
    'reached',
    'request_id',
    'updated_at',
)

POLL_SECONDS = 0.5

State = dict[str, Any]


class VcpuScale:
    """The resource ``/servers/{id}/vcpu-scale`` of one server."""

    def __init__(
        self,
        compute: Any,
        server_id: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the proxy to use.

        :param compute: ``app.client_manager.compute``.
        :param sleep: how to pass seconds between two looks.
        """
        self._compute = compute
        self._server = '/servers/%s' % server_id
        self._url = '%s/vcpu-scale' % self._server
        self._sleep = sleep

    def show(self) -> State:
        """Return the server's ``vcpu_scale``.

        :raises osc_lib.exceptions.CommandError: nova-api refused.
        """
        return self._scale_of(self._compute.get(self._url))

    def step(self, direction: str) -> None:
        """Scale by one vCPU and wait for it.

        :param direction: ``up`` or ``down``.
        :raises osc_lib.exceptions.CommandError: it was refused or failed.
        """
        action = {'direction': direction, 'resource': 'cpu'}
        _check(
            self._compute.post(
                '%s/action' % self._server, json={'wrs-res:scale': action}
            )
        )

    def scale(self, online: int) -> State:
        """Begin to scale to a number of online vCPUs.

        :raises osc_lib.exceptions.CommandError: it was refused.
        """
        return self._scale_of(self._put(self._url, online))

    def plan(self, online: int) -> State:
        """Return what :meth:`scale` would do, and what is in its way.

        :raises osc_lib.exceptions.CommandError: nova-api refused.
        """
        url = '%s?dry_run=true' % self._url
        plan: State = self._scale_of(self._put(url, online))['dry_run']
        return plan

    def wait(self, state: State) -> State:
        """Return the state when a request that has begun has ended.

        :param state: as :meth:`scale` returned it.
        :raises osc_lib.exceptions.CommandError: the request failed, or a
            later one took its place.
        """
        last = state['last_request']
        mine = last['request_id']
        while last['request_id'] == mine and last['state'] == IN_PROGRESS:
            self._sleep(POLL_SECONDS)
            state = self.show()
            last = state['last_request']
        if last['request_id'] != mine:
            raise exceptions.CommandError(
                'Another scale request has followed this one: how it ended is '
                "among the server's events (openstack server event list)."
            )
        if last['state'] != DONE:
            raise exceptions.CommandError(
                'The scale request %(state)s at %(reached)d online vCPUs '
                '(%(target)d were asked for): %(reason)s' % last
            )
        return state

    def _put(self, url: str, online: int) -> Any:
        return self._compute.put(url, json={'vcpu_scale': {'online': online}})

    def _scale_of(self, response: Any) -> State:
        _check(response)
        state: State = response.json()['vcpu_scale']
        return state


def _check(response: Any) -> None:
    if response.status_code >= 400:
        _raise(response)


def _raise(response: Any) -> NoReturn:
    try:
        ((_, fault),) = response.json().items()
        text = fault['message']
    except (ValueError, KeyError, TypeError, AttributeError):
        text = response.reason or 'no reason was given'
    raise exceptions.CommandError(
        '%s (HTTP %d)' % (text, response.status_code)
    )
