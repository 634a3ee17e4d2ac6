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
"""A 409 where Nova answers 500: two operations that come at the same moment.

``nova.compute.api.API`` claims a server by comparing and swapping its
``task_state``; what it raises for the one that comes second,
``UnexpectedTaskStateError``, no controller of Nova knows (Nova 31 to 34).
Callers of Nova know 409 for a server that is busy, and try again.
"""

from nova import exception as nova_exception
from nova.api.openstack import wsgi
import webob
from webob import exc

#: How Nova's answer to an error that it did not expect names this one.
_NAME = str(nova_exception.UnexpectedTaskStateError).encode()


class Conflicts:
    """Wraps Nova for an action on one server."""

    def __init__(self, application, server_id):
        """Wrap the WSGI application that is Nova."""
        self._application = application
        self._server_id = server_id

    def __call__(self, environ, start_response):
        """Answer as Nova does, unless another operation was just faster."""
        response = webob.Request(environ).get_response(self._application)
        if response.status_int == 500 and _NAME in response.body:
            response = wsgi.Fault(
                exc.HTTPConflict(
                    explanation='Instance %s: another operation began at the '
                    'same moment. Try again when it has ended.'
                    % self._server_id
                )
            )
        return response(environ, start_response)
