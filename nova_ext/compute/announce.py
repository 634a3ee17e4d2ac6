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
"""Tell Nova's listeners that a server scales.

Versioned notifications ``instance.scale.start``, ``.end`` and ``.error``: the
payload is that of Nova's other instance actions with one field more,
``online_vcpus``, because the flavor's number does not tell it. Nova's own
notification class knows no such action, so they go out by
``nova.rpc.get_versioned_notifier`` themselves, under Nova's options. Leans on
``InstanceActionPayload`` and ``rpc.if_notifications_enabled``; since Nova 31.
"""

import contextlib

from nova import rpc
from nova.compute import utils as compute_utils
from nova.notifications.objects import exception as exception_payload
from nova.notifications.objects import instance as instance_payload
from oslo_log import log as logging

from nova_ext import conf
from nova_ext.compute import topology

LOG = logging.getLogger(__name__)
CONF = conf.CONF

EVENT = 'instance.scale.%s'
ACTION_EVENT = 'compute_scale_instance'

#: What the payload reads of an instance; loaded beforehand, so that telling
#: costs no call to the conductor.
EXPECTED_ATTRS = ['info_cache', 'metadata']


class ActionEvent:
    """The event of the server's instance action, as Nova reports its own.

    A request that has ended has ended so for its caller, too, where the event
    cannot be told how: ``EventReporter`` itself would make an error of it.
    """

    def __init__(self, context, host, uuid):
        """See ``nova.compute.utils.EventReporter``."""
        self._uuid = uuid
        self._reporter = compute_utils.EventReporter(
            context, ACTION_EVENT, host, uuid
        )

    def __enter__(self):
        """Report the start; fails where nothing can be saved."""
        self._reporter.__enter__()

    def __exit__(self, *raised):
        """Report the end, or log that it was not saved."""
        try:
            self._reporter.__exit__(*raised)
        except Exception:
            LOG.exception(
                'Server %s: the end of its instance action was not saved.',
                self._uuid,
            )


@contextlib.contextmanager
def scaling(context, instance):
    """Announce the start, and the end or failure, of the block."""
    _send(context, instance, 'start')
    try:
        yield
    except Exception as error:
        _send(context, instance, 'error', error)
        raise
    _send(context, instance, 'end')


def _send(context, instance, phase, error=None):
    """Send one notification; whatever goes wrong, scaling goes on."""
    try:
        _notify(context, instance, phase, error)
    except Exception:
        LOG.exception(
            'Server %s: the notification %s was not sent.',
            instance.uuid,
            EVENT % phase,
        )


@rpc.if_notifications_enabled
def _notify(context, instance, phase, error):
    fault = error and exception_payload.ExceptionPayload.from_exception(error)
    made = instance_payload.InstanceActionPayload(
        context=context, instance=instance, fault=fault
    )
    made.obj_reset_changes(recursive=True)
    payload = made.obj_to_primitive()
    payload['nova_object.data']['online_vcpus'] = _online(instance)
    notifier = rpc.get_versioned_notifier('nova-compute:%s' % CONF.host)
    send = notifier.error if error else notifier.info
    send(context, EVENT % phase, payload)


def _online(instance):
    offline = topology.server_of(instance).layout.offline
    return instance.flavor.vcpus - len(offline)
