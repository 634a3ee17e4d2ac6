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
"""Ask the compute host of a server; the shapes are in scaling/contract.py.

Leans on ``nova.rpc.get_client`` and ``nova.rpc.ClientRouter``, which picks
the transport of the cell that the context was targeted at; both since Nova
31.
"""

import threading

from nova import rpc
from nova.objects import base
from oslo_log import log as logging
import oslo_messaging as messaging

from nova_ext import exception
from nova_ext.conf import CONF
from nova_ext.scaling import contract

LOG = logging.getLogger(__name__)


class ComputeRPC:
    """Client of ``nova_ext.compute.endpoint.ScalingEndpoint``."""

    def __init__(self):
        self._router = None
        self._lock = threading.Lock()

    def scale(
        self, context, instance, *, direction=None, target=None, wait=True
    ):
        """Scale a server by one vCPU, or to a target.

        :param direction: ``up`` or ``down``, when ``target`` is None.
        :param target: how many vCPUs to have online, else None.
        :param wait: answer when it is finished, else when it has begun.
        :returns: ``{'last_request': {...}}`` or ``{'error': {'code': int,
            'message': str}}``.
        :raises exception.ComputeSilent: no answer in time; it may still run.
        :raises exception.ComputeFailed: the host has no answer to this.
        """
        return self._call(
            context,
            instance,
            'scale',
            direction=direction,
            target=target,
            wait=wait,
        )

    def plan(self, context, instance, *, target):
        """Ask what :meth:`scale` to a target would do; nothing changes.

        :returns: ``{'plan': {'current', 'target', 'steps', 'blockers'}}`` or
            ``{'error': {...}}``.
        :raises: as :meth:`scale`.
        """
        return self._call(
            context, instance, 'plan', direction=None, target=target
        )

    def _call(self, context, instance, method, **arguments):
        client = self._client(context).prepare(
            server=instance.host,
            timeout=CONF.nova_ext.request_timeout,
            call_monitor_timeout=_monitor_timeout(),
        )
        try:
            return client.call(context, method, instance=instance, **arguments)
        except messaging.MessagingTimeout:
            raise exception.ComputeSilent(server=instance.uuid) from None
        except Exception as error:
            LOG.exception('nova-ext: %s failed at %s', method, instance.host)
            raise exception.ComputeFailed(
                server=instance.uuid, reason=exception.name_of(error)
            ) from None

    def _client(self, context):
        with self._lock:
            if self._router is None:
                self._router = _make_router()
        return self._router.client(context)


def _make_router():
    target = messaging.Target(
        topic=CONF.nova_ext.topic, version=contract.RPC_VERSION
    )
    return rpc.ClientRouter(
        rpc.get_client(
            target,
            serializer=base.NovaObjectSerializer(),
            call_monitor_timeout=_monitor_timeout(),
        )
    )


def _monitor_timeout():
    return min(CONF.nova_ext.heartbeat_timeout, CONF.nova_ext.request_timeout)
