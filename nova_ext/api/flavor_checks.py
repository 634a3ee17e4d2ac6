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
"""Check the extra specs of a flavor, as they would be after an edit.

Whatever is not a well-formed request of somebody who may make it is left to
Nova to refuse; since Nova 31.
"""

from nova.policies import flavor_extra_specs as flavor_policies

from nova_ext import exception
from nova_ext.api import extra_specs
from nova_ext.api import requests
from nova_ext.model import bounds
from nova_ext.model import realtime

_POLICIES = {
    'POST': flavor_policies.POLICY_ROOT % 'create',
    'PUT': flavor_policies.POLICY_ROOT % 'update',
    'DELETE': flavor_policies.POLICY_ROOT % 'delete',
}


def edit(req, route):
    """Return the fault to answer to an edit, or None to go on to Nova."""
    if not req.environ['nova.context'].can(
        _POLICIES[req.method], target={}, fatal=False
    ):
        return None
    flavor = requests.flavor(req, route.id)
    given = _given(req, route.key)
    if flavor is None or given is None:
        return None
    after = {**flavor.extra_specs, **given}
    if req.method == 'DELETE':
        after.pop(route.key, None)
    return requests.refusal(req, _check, flavor, given, after)


def _check(flavor, given, after):
    bounds.check_flavor(after, flavor.vcpus)
    extra_specs.check(given)
    realtime.check_given(given)
    try:
        realtime.check_flavor(flavor.vcpus, after)
    except exception.FlavorInvalid:
        if given.keys() & realtime.KEYS or _works(flavor):
            raise
        # It was broken before. What is to be mended may take several edits.


def _works(flavor):
    try:
        realtime.check_flavor(flavor.vcpus, flavor.extra_specs)
    except exception.FlavorInvalid:
        return False
    return True


def _given(req, key):
    """Return the extra specs that a request sets, or None if malformed."""
    if req.method == 'DELETE':
        return {}
    body = requests.body(req)
    specs = body if key else body.get('extra_specs')
    if not isinstance(specs, dict) or (key and set(specs) != {key}):
        return None
    if not all(isinstance(text, str | int | float) for text in specs.values()):
        return None
    return {name: str(value) for name, value in specs.items()}
