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
"""What became of a scale request that its compute host did not answer.

The host may have lost only the way back, may still work, or may get the
request later, when the message bus delivers it. Its caller is told what the
server's record says. A request that has not begun is withdrawn: that is saved
with the server's action first, and then the record is looked at again; the
host claims the server first and then looks at the action
(:func:`nova_ext.scaling.request.begin`). So one sees the other, whatever
their clocks say, and no caller gets an error and later the result. Leans on
``InstanceActionEvent``, whose failure Nova notes in the action (Nova 31 to
34).
"""

import time

from nova import objects
from oslo_log import log as logging

from nova_ext.conf import CONF
from nova_ext.model.record import FAILED
from nova_ext.model.record import IN_PROGRESS
from nova_ext.model.record import REFUSED
from nova_ext.model.record import ScaleRecord

LOG = logging.getLogger(__name__)

#: Between two looks at the record.
POLL_SECONDS = 1.0

#: What is listed of such a request among the server's events.
EVENT = 'api_scale_instance'


class Unknown(Exception):
    """The record could not be read, nor the request be withdrawn."""


def find(context, instance, error, wait, until):
    """Return the answer that the record holds, None if it was withdrawn.

    :param error: what the event says of a request that is withdrawn.
    :param wait: whether only the end of the request is an answer; one that
        has not ended in time is answered as it stands.
    :param until: `time.monotonic` seconds to wait for that end.
    :raises Unknown: the database was away all that time.
    """
    while True:
        try:
            last = _look(context, instance, error)
            if last is None:
                return None
            unknown = None
        except Exception as failure:
            LOG.exception('nova-ext: server %s cannot be read', instance.uuid)
            last, unknown = None, failure
        late = time.monotonic() >= until
        if unknown and late:
            raise Unknown() from unknown
        if last and (late or not wait or last.state != IN_PROGRESS):
            return _answer(last)
        time.sleep(POLL_SECONDS)


def _look(context, instance, error):
    last = _begun(context, instance)
    if last is None:
        _withdraw(context, instance, error)
        last = _begun(context, instance)
    return last


def _begun(context, instance):
    instance.refresh()
    last = ScaleRecord.from_metadata(instance.system_metadata).last
    if last is None or last.request_id != context.request_id:
        return None
    return last


def _answer(last):
    if last.state in (FAILED, REFUSED):
        # One that recovery has ended failed with nothing but the host.
        return {'error': {'code': last.code or 503, 'message': last.reason}}
    return {'last_request': last.shown()}


def _withdraw(context, instance, error):
    """Add the failure to the action, as the host would."""
    event = objects.InstanceActionEvent
    event.event_start(
        context, instance.uuid, EVENT, want_result=False, host=CONF.host
    )
    event.event_finish_with_failure(
        context,
        instance.uuid,
        EVENT,
        exc_val=str(error),
        exc_tb=error.__traceback__,
        want_result=False,
    )
