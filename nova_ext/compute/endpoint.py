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
"""The RPC methods that nova-api calls on a compute host."""

from oslo_log import log as logging
import oslo_messaging as messaging

from nova_ext import exception
from nova_ext.scaling import contract

LOG = logging.getLogger(__name__)


class ScalingEndpoint:
    """See :mod:`nova_ext.scaling.contract` for what the answers look like."""

    target = messaging.Target(version=contract.RPC_VERSION)

    def __init__(self, scaler):
        """Serve a :class:`nova_ext.compute.scaler.Scaler`."""
        self._scaler = scaler

    def scale(self, context, instance, direction, target, wait):
        """Scale a server by one vCPU in a direction, or to a target.

        :param wait: whether to answer only when the request has ended.
        """
        wish = contract.Wish(direction, target)
        return _answer(
            instance,
            lambda: contract.answer_request(
                self._scaler.scale(context, instance.uuid, wish, wait)
            ),
        )

    def plan(self, context, instance, direction, target):
        """Tell what a scale request would do, and what is in its way."""
        wish = contract.Wish(direction, target)
        return _answer(
            instance,
            lambda: contract.answer_plan(
                self._scaler.plan(context, instance.uuid, wish)
            ),
        )


def _answer(instance, work):
    try:
        return work()
    except exception.NovaExtError as error:
        LOG.info(
            'Server %(server)s: %(error)s',
            {'server': instance.uuid, 'error': error},
        )
        return contract.answer_error(error)
    except Exception as error:
        LOG.exception('Server %s: scale request failed.', instance.uuid)
        return contract.answer_error(
            exception.ComputeFailed(
                server=instance.uuid,
                reason=exception.name_of(error),
            )
        )
