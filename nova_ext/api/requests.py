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
"""What a check reads of a request, and how it refuses one.

Whatever is not a well-formed request is left to Nova to refuse: it reads as
empty here. Leans on ``Flavor.get_by_flavor_id``; since Nova 31.
"""

from nova import exception as nova_exception
from nova import objects
from nova.api.openstack import wsgi
from oslo_serialization import jsonutils
import webob

from nova_ext import exception


def body(req):
    """Return the request's body, a dict."""
    try:
        found = jsonutils.loads(req.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def part(req, key):
    """Return the dict below a key of the request's body."""
    found = body(req).get(key)
    return found if isinstance(found, dict) else {}


def flavor(req, flavor_id):
    """Return a flavor, or None."""
    try:
        return objects.Flavor.get_by_flavor_id(
            req.environ['nova.context'], flavor_id
        )
    except nova_exception.NovaException:
        return None


def refusal(req, check, *args):
    """Return the fault with which a check refuses a request, or None.

    :param check: raises :class:`exception.FlavorInvalid` or Nova's
        ``ValidationError``.
    """
    try:
        check(*args)
    except exception.FlavorInvalid as error:
        return _fault(req, error.code, str(error))
    except nova_exception.ValidationError as error:
        return _fault(req, error.code, error.format_message())
    return None


def _fault(req, code, text):
    try:
        req.set_api_version_request()
    except nova_exception.NovaException:
        return None
    return wsgi.Fault(webob.exc.status_map[code](explanation=text))
