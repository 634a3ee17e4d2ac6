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
"""An operation that comes at the same moment as another gets a 409."""

from nova import exception as nova_exception
from nova.api.openstack import wsgi
import pytest
import webob

from nova_ext.api import conflicts
from tests.unit.api import fakes


class Nova(wsgi.Controller):
    """A resource of Nova that fails as it is told."""

    def __init__(self, error):
        self._error = error

    @wsgi.expected_errors((404, 409))
    def index(self, req):
        if self._error:
            raise self._error
        return {'servers': []}


def answer(error):
    request = wsgi.Request.blank('/servers')
    request.environ['nova.context'] = fakes.user()
    request.environ['wsgiorg.routing_args'] = ((), {'action': 'index'})
    resource = wsgi.Resource(Nova(error))
    return request.get_response(conflicts.Conflicts(resource, fakes.SERVER))


def test_the_second_of_two_is_told_to_try_again():
    error = nova_exception.UnexpectedTaskStateError(
        instance_uuid=fakes.SERVER,
        expected={'task_state': [None]},
        actual={'task_state': 'resize_prep'},
    )
    response = answer(error)
    assert response.status_int == 409
    assert 'conflictingRequest' in response.json
    assert fakes.fault(response) == (
        'Instance %s: another operation began at the same moment. Try again '
        'when it has ended.' % fakes.SERVER
    )


@pytest.mark.parametrize(
    'error, status',
    [
        (ValueError('broken'), 500),
        (webob.exc.HTTPNotFound(explanation='no such server'), 404),
        (None, 200),
    ],
)
def test_all_else_is_answered_as_nova_does(error, status):
    response = answer(error)
    assert response.status_int == status
    assert 'at the same moment' not in response.text
