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
"""Carry a scale request from the API to the compute host of a server.

Leans on ``nova.api.openstack.common.get_instance``, ``nova.compute.api.API``
and ``InstanceAction.action_start`` (Nova 31 to 34).
"""

import time

from nova import exception as nova_exception
from nova import objects
from nova.api.openstack import common
from nova.compute import api as compute
from webob import exc

from nova_ext import exception
from nova_ext.api import blockers
from nova_ext.api import compute_rpc
from nova_ext.api import planner
from nova_ext.api import policy
from nova_ext.api import unanswered
from nova_ext.conf import CONF

#: The name under which a request is listed among the server's events.
ACTION = 'scale'

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
        except exception.NovaExtError as error:
            until = began + CONF.nova_ext.request_timeout
            answer = self._unanswered(context, instance, error, wait, until)
        return _result(answer, 'last_request')

    def _unanswered(self, context, instance, error, wait, until):
        said = error
        if isinstance(error, exception.ComputeSilent):
            said = exception.Withdrawn(server=instance.uuid).with_traceback(
                error.__traceback__
            )
        try:
            answer = unanswered.find(context, instance, said, wait, until)
        except unanswered.Unknown:
            raise to_http(error) from None
        if answer is None:
            raise to_http(said) from None
        return answer

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
