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
"""The earlier system's action: ``wrs-res:scale``, one vCPU up or down."""

from nova.api import validation
from nova.api.openstack import wsgi
from oslo_serialization import jsonutils

from nova_ext.api import schemas
from nova_ext.policies import vcpu_scale as policies

NAME = 'wrs-res:scale'
_INTERESTING = (NAME.encode(), b'resize', b'rebuild')


def peek(body):
    """Return the name of the action in a request's body, or None.

    None also for what is not one action: Nova answers that as it always did.

    :param body: bytes.
    """
    if not any(name in body for name in _INTERESTING):
        return None
    try:
        decoded = jsonutils.loads(body)
    except ValueError:
        return None
    if isinstance(decoded, dict) and len(decoded) == 1:
        return next(iter(decoded))
    return None


class ScaleActionController(wsgi.Controller):
    """``POST /servers/{id}/action``; answers when the step is finished."""

    def __init__(self, scaler):
        super().__init__()
        self._scaler = scaler

    @wsgi.response(202)
    @wsgi.expected_errors((400, 403, 404, 409, 503))
    @wsgi.action(NAME)
    @validation.schema(schemas.SCALE_ACTION)
    def _scale(self, req, id, body):
        """Bring the lowest offline vCPU online, or take one offline."""
        context = req.environ['nova.context']
        instance = self._scaler.find(context, id, policies.LEGACY_ACTION)
        self._scaler.scale(
            context, instance, direction=body[NAME]['direction']
        )
