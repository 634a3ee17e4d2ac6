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
"""Check the flavors that ask for scaling, before Nova acts on them.

At each edit of a flavor's extra specs the whole resulting set is checked; at
the create and resize of a server also the image. Whatever is not a
well-formed request of somebody who may make it is left to Nova to refuse.
Leans on ``Flavor.get_by_flavor_id``, ``nova.image.glance.API.get`` and
``nova.utils.get_image_from_system_metadata``; since Nova 31.
"""

import copy

from nova import exception as nova_exception
from nova import objects
from nova import utils
from nova.api.openstack import common
from nova.api.openstack import wsgi
from nova.compute import api as compute
from nova.image import glance
from nova.policies import flavor_extra_specs as flavor_policies
from oslo_serialization import jsonutils
import webob

from nova_ext import exception
from nova_ext.api import extra_specs
from nova_ext.model import bounds

_POLICIES = {
    'POST': flavor_policies.POLICY_ROOT % 'create',
    'PUT': flavor_policies.POLICY_ROOT % 'update',
    'DELETE': flavor_policies.POLICY_ROOT % 'delete',
}


class FlavorChecks:
    """Each check returns the fault to answer, or None to go on to Nova."""

    def __init__(self):
        self._compute = compute.API()
        self._images = glance.API()

    def extra_specs(self, req, route):
        """Check what a flavor's extra specs would be after the request."""
        if not req.environ['nova.context'].can(
            _POLICIES[req.method], target={}, fatal=False
        ):
            return None
        flavor = _flavor(req, route.id)
        given = _given_specs(req, route.key)
        if flavor is None or given is None:
            return None
        result = {**flavor.extra_specs, **given}
        if req.method == 'DELETE':
            result.pop(route.key, None)
        return _fault(req, _problem(result, flavor.vcpus, given))

    def create(self, req, route):
        """Check the flavor and the image of a server to create."""
        server = _part(_body(req), 'server')
        flavor = _scalable_flavor(req, server.get('flavorRef'))
        if flavor is None:
            return None
        properties = self._image_properties(req, server.get('imageRef'))
        return _fault(
            req, _problem(flavor.extra_specs, flavor.vcpus, {}, properties)
        )

    def resize(self, req, route):
        """Check a server's new flavor with the image that it was made of."""
        resize = _part(_body(req), 'resize')
        flavor = _scalable_flavor(req, resize.get('flavorRef'))
        if flavor is None:
            return None
        # A copy, because the look-up targets it at the server's cell.
        context = copy.copy(req.environ['nova.context'])
        try:
            instance = self._compute.get(context, route.id)
        except nova_exception.NovaException:
            return None
        image = utils.get_image_from_system_metadata(instance.system_metadata)
        return _fault(
            req,
            _problem(
                flavor.extra_specs, flavor.vcpus, {}, image['properties']
            ),
        )

    def _image_properties(self, req, image_id):
        if not isinstance(image_id, str) or not image_id:
            return {}
        try:
            image = self._images.get(req.environ['nova.context'], image_id)
        except Exception:
            # Nova asks for it too, and knows what to answer.
            return {}
        return image.get('properties', {})


def _problem(specs, vcpus, given, properties=None):
    try:
        bounds.check_flavor(specs, vcpus, properties)
        extra_specs.check(given)
    except exception.FlavorInvalid as error:
        return error.code, str(error)
    except nova_exception.ValidationError as error:
        return error.code, error.format_message()
    return None


def _fault(req, problem):
    if problem is None:
        return None
    code, text = problem
    try:
        req.set_api_version_request()
    except nova_exception.NovaException:
        return None
    return wsgi.Fault(webob.exc.status_map[code](explanation=text))


def _flavor(req, flavor_id):
    try:
        return objects.Flavor.get_by_flavor_id(
            req.environ['nova.context'], flavor_id
        )
    except nova_exception.NovaException:
        return None


def _scalable_flavor(req, reference):
    if not isinstance(reference, str | int):
        return None
    flavor = _flavor(req, common.get_id_from_href(reference))
    if flavor is None or not bounds.wants_scaling(flavor.extra_specs):
        return None
    return flavor


def _given_specs(req, key):
    """Return the extra specs that a request sets, or None if malformed."""
    if req.method == 'DELETE':
        return {}
    body = _body(req)
    specs = body if key else body.get('extra_specs')
    if not isinstance(specs, dict) or (key and set(specs) != {key}):
        return None
    if not all(isinstance(text, str | int | float) for text in specs.values()):
        return None
    return {name: str(value) for name, value in specs.items()}


def _body(req):
    try:
        body = jsonutils.loads(req.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _part(body, key):
    part = body.get(key)
    return part if isinstance(part, dict) else {}
