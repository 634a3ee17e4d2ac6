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
"""The resource ``/servers/{id}/vcpu-scale``: see it, scale to a target."""

from nova import exception as nova_exception
from nova.api import validation
from nova.api.openstack import wsgi
from oslo_utils import strutils
import webob

from nova_ext.api import schemas
from nova_ext.api import views
from nova_ext.policies import vcpu_scale as policies


class VcpuScaleController(wsgi.Controller):
    """One such resource for each server."""

    def __init__(self, scaler):
        super().__init__()
        self._scaler = scaler

    @wsgi.expected_errors((400, 403, 404, 503))
    @validation.query_schema(schemas.SHOW_QUERY)
    def show(self, req, id):
        """Return bounds, online and offline vCPUs, and the last request."""
        context = req.environ['nova.context']
        return views.vcpu_scale(self._scaler.find(context, id, policies.SHOW))

    @wsgi.expected_errors((400, 403, 404, 409, 503))
    @validation.query_schema(schemas.UPDATE_QUERY)
    @validation.schema(schemas.UPDATE)
    def update(self, req, id, body):
        """Begin to scale to a number of online vCPUs, or plan it.

        Answers 202 when the compute host has begun, 200 with a plan.
        """
        context = req.environ['nova.context']
        instance = self._scaler.find(context, id, policies.UPDATE)
        target = body['vcpu_scale']['online']
        if strutils.bool_from_string(req.GET.get('dry_run', 'false')):
            plan = self._scaler.plan(context, instance, target)
            return views.dry_run(plan)
        last = self._scaler.scale(context, instance, target=target, wait=False)
        return wsgi.ResponseObject(
            views.vcpu_scale(self._fresh(context, instance), last), code=202
        )

    def _fresh(self, context, instance):
        try:
            return self._scaler.find(context, instance.uuid, policies.UPDATE)
        except (webob.exc.HTTPException, nova_exception.NovaException):
            # The request has begun whatever became of the server since.
            return instance
