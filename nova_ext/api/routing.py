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
"""Which requests the filter looks at, by their method and path alone."""

from dataclasses import dataclass
import re

SHOW = 'show'
UPDATE = 'update'
ACTION = 'action'
VIEW = 'view'
CREATE = 'create'
SPECS = 'specs'

VIEW_HEADER = 'HTTP_WRS_HEADER'

# Nova's own shapes: an optional project id, and no slash at the end
# (nova.api.openstack.ProjectMapper).
_SERVERS = re.compile(
    r'(?:/(?P<project_id>[0-9a-f-]+))?'
    r'/servers(?:/(?P<id>[^/]+)(?:/(?P<part>action|vcpu-scale))?)?'
)
_FLAVORS = re.compile(
    r'(?:/(?P<project_id>[0-9a-f-]+))?'
    r'/flavors/(?P<id>[^/]+)/os-extra_specs(?:/(?P<part>[^/]+))?'
)

_SERVER_ROUTES = {
    ('POST', 'action'): ACTION,
    ('GET', 'vcpu-scale'): SHOW,
    ('PUT', 'vcpu-scale'): UPDATE,
}


@dataclass(frozen=True)
class Route:
    """What a request is for.

    :ivar name: one of the names of this module.
    :ivar id: the server's or the flavor's; None to create a server.
    :ivar project_id: the one in the path, if any.
    :ivar key: the extra spec in the path, if any.
    """

    name: str
    id: str | None = None
    project_id: str | None = None
    key: str | None = None


def match(environ):
    """Return the request's :class:`Route`, or None to leave it to Nova."""
    path = environ.get('PATH_INFO', '')
    method = environ['REQUEST_METHOD']
    found = _SERVERS.fullmatch(path)
    if found:
        return _server_route(environ, method, **found.groupdict())
    found = method in ('POST', 'PUT', 'DELETE') and _FLAVORS.fullmatch(path)
    if found:
        return _flavor_route(method, **found.groupdict())
    return None


def _server_route(environ, method, project_id, id, part):
    if part:
        name = _SERVER_ROUTES.get((method, part))
    elif id is None:
        name = CREATE if method == 'POST' else None
    else:
        wanted = method == 'GET' and VIEW_HEADER in environ
        name = VIEW if wanted else None
    return Route(name, id, project_id) if name else None


def _flavor_route(method, project_id, id, part):
    # POST is for the collection, PUT and DELETE are for one of its keys.
    if (method == 'POST') == (part is None):
        return Route(SPECS, id, project_id, part)
    return None
