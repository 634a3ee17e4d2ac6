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
"""The paste filter that adds the package's API to nova-api.

It sits between ``keystonecontext`` (``legacy_v2_compatible`` on ``/v2``) and
Nova's own application. Its resources are ``nova.api.openstack.wsgi.Resource``
objects, so microversions, bodies and faults are treated as Nova treats them;
since Nova 31.
"""

from nova.api.openstack import wsgi
import webob

from nova_ext.api import actions
from nova_ext.api import conflicts
from nova_ext.api import flavor_checks
from nova_ext.api import legacy_view
from nova_ext.api import routing
from nova_ext.api import scaler
from nova_ext.api import server_checks
from nova_ext.api import snapshots
from nova_ext.api import vcpu_scale


def factory(global_conf, **local_conf):
    """Return the filter; found by the ``paste.filter_factory`` entry point."""
    return Filter


class Filter:
    """Answer the package's requests, and hand all others to Nova.

    A request whose path does not match costs one regular expression; its
    body is not read and its answer is not touched.
    """

    def __init__(self, application):
        """Wrap the WSGI application that is Nova."""
        self._application = application
        snapshots.keep_records_out()
        shared = scaler.Scaler()
        self._scale = wsgi.Resource(vcpu_scale.VcpuScaleController(shared))
        self._action = wsgi.Resource(actions.ScaleActionController(shared))
        self._checks = server_checks.ServerChecks()
        self._handlers = {
            routing.SHOW: self._resource,
            routing.UPDATE: self._resource,
            routing.ACTION: self._server_action,
            routing.VIEW: self._view,
            routing.CREATE: self._checked(self._checks.create),
            routing.SPECS: self._checked(flavor_checks.edit),
        }

    def __call__(self, environ, start_response):
        """Serve one request, as WSGI has it."""
        route = routing.match(environ)
        application = self._application
        if route and 'nova.context' in environ:
            application = self._handlers[route.name](environ, route)
        return application(environ, start_response)

    def _resource(self, environ, route):
        return _routed(environ, route, self._scale)

    def _server_action(self, environ, route):
        body = webob.Request(environ).body
        name = actions.peek(body)
        if name == actions.NAME:
            return _routed(environ, route, self._action)
        if name in ('resize', 'rebuild'):
            check = getattr(self._checks, name)
            refusal = check(wsgi.Request(environ), route)
            if refusal:
                return refusal
        return conflicts.Conflicts(self._application, route.id)

    def _view(self, environ, route):
        return legacy_view.LegacyView(self._application)

    def _checked(self, check):
        def handle(environ, route):
            return check(wsgi.Request(environ), route) or self._application

        return handle


def _routed(environ, route, resource):
    """Return the resource, told in the environment what is asked of it."""
    arguments = {'action': route.name, 'id': route.id}
    if route.project_id:
        arguments['project_id'] = route.project_id
    environ['wsgiorg.routing_args'] = ((), arguments)
    return resource
