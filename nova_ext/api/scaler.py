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
"""Carry a scale request from the API to the compute host of a server."""

from dataclasses import asdict
import time

from nova import exception as nova_exception
from nova import objects
from nova.api.openstack import common
from nova.compute import api as compute
from oslo_log import log as logging
from webob import exc

from nova_ext import exception
from nova_ext.api import blockers
from nova_ext.api import compute_rpc
from nova_ext.api import planner
from nova_ext.api import policy
from nova_ext.conf import CONF
from nova_ext.model.record import DONE
from nova_ext.model.record import FAILED
from nova_ext.model.record import REFUSED
from nova_ext.model.record import ScaleRecord

LOG = logging.getLogger(__name__)

#: Between two looks at the record of a host that is silent.
POLL_SECONDS = 1.0

#: The name under which a request is listed among the server's events.
ACTION = 'scale'
#: What is listed of a request that no compute host answered.
EVENT = 'api_scale_instance'

# What a compute host may answer as it is; everything else is its failure.
_PASSED_ON = (400, 403, 404, 409)


class Scaler:
    """Finds servers, checks the caller, and asks compute hosts."""

    def __init__(self):
        self._compute = compute.API()
        self._rpc = compute_rpc.ComputeRPC()

    def find(self, context, server_id, rule):
        """Return a server that the caller may treat so.

        The context is targeted at the server's cell afterwards.

        :param rule: name of a policy rule.
        :raises webob.exc.HTTPNotFound: unknown, or not the caller's.
        :raises webob.exc.HTTPServiceUnavailable: its cell does not answer.
        :raises nova.exception.PolicyNotAuthorized: the rule forbids it.
        """
        try:
            instance = common.get_instance(
                self._compute,
                context,
                server_id,
                expected_attrs=['flavor', 'numa_topology', 'services'],
            )
        except nova_exception.NovaException as error:
            raise exc.HTTPServiceUnavailable(
                explanation=error.format_message()
            ) from None
        policy.authorize(context, rule, instance)
        return instance

    def scale(
        self, context, instance, *, direction=None, target=None, wait=True
    ):
        """Record the action and scale; the arguments are the RPC's.

        :returns: the last request as the compute host answered it.
        :raises webob.exc.WSGIHTTPException: it is refused or failed.
        """
        for blocker in blockers.find(context, instance):
            raise to_http(blocker.error)
        objects.InstanceAction.action_start(
            context, instance.uuid, ACTION, want_result=False
        )
        began = time.monotonic()
        try:
            answer = self._rpc.scale(
                context,
                instance,
                direction=direction,
                target=target,
                wait=wait,
            )
        except exception.ComputeSilent as error:
            until = began + CONF.nova_ext.request_timeout
            answer = _recorded(context, instance, wait, until)
            if answer is None:
                _record_failure(context, instance, error)
                raise to_http(error) from None
        except exception.NovaExtError as error:
            _record_failure(context, instance, error)
            raise to_http(error) from None
        return _result(answer, 'last_request')

    def plan(self, context, instance, target):
        """Return what :meth:`scale` to a target would do; changes nothing.

        The compute host knows every blocker, ours included; where there is
        none that answers, those are listed that nova-api knows of.

        :returns: the plan as a dict.
        :raises webob.exc.WSGIHTTPException: the compute host failed at it.
        """
        found = blockers.find(context, instance)
        if planner.unreachable(instance, found):
            return planner.local(instance, target, found)
        try:
            answer = self._rpc.plan(context, instance, target=target)
        except exception.NovaExtError as error:
            found.append(planner.no_answer(error))
            return planner.local(instance, target, found)
        if 'error' in answer and found:
            return planner.local(instance, target, found)
        return planner.with_remedies(_result(answer, 'plan'), found)


def _recorded(context, instance, wait, until):
    """Return the answer that a silent host's record holds, None if none.

    The host may have heard the request and lost the way back: then its caller
    learns from here how it ended, instead of that nobody knows.

    :param wait: whether only the end of the request is an answer.
    :param until: `time.monotonic` seconds to wait for that end.
    """
    while True:
        try:
            instance.refresh()
        except Exception:
            LOG.exception('nova-ext: server %s cannot be read', instance.uuid)
            return None
        last = ScaleRecord.from_metadata(instance.system_metadata).last
        if last is None or last.request_id != context.request_id:
            return None
        if last.state in (FAILED, REFUSED):
            return {'error': {'code': 503, 'message': last.reason}}
        if last.state == DONE or not wait:
            return {'last_request': asdict(last)}
        if time.monotonic() >= until:
            return None
        time.sleep(POLL_SECONDS)


def _record_failure(context, instance, error):
    """Add an event to the action: the host that would do it is silent."""
    event = objects.InstanceActionEvent
    event.event_start(
        context, instance.uuid, EVENT, want_result=False, host=CONF.host
    )
    event.event_finish_with_failure(
        context,
        instance.uuid,
        EVENT,
        exc_val=str(error),
        exc_tb=error.__traceback__,
        want_result=False,
    )


def to_http(error):
    """Return the HTTP error of one of the package's errors."""
    return _http_error(error.code, str(error))


def _result(answer, key):
    if 'error' in answer:
        raise _http_error(answer['error']['code'], answer['error']['message'])
    return answer[key]


def _http_error(code, text):
    if code not in _PASSED_ON:
        return exc.HTTPServiceUnavailable(explanation=text)
    return exc.status_map[code](explanation=text)
