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
"""The port ``Store``: what a scale request saves of its instance.

Leans on ``Instance.save`` with its expected states, which compares and swaps
in the database. ``task_state`` is what keeps Nova's other operations away;
the value is one of Nova's own, because its notifications know no other, and
``resize_prep``, because Nova clears it at start-up if nobody else does
(``ComputeManager._init_instance``).
"""

from nova import exception as nova_exception
from nova import objects
from nova.compute import task_states
from nova.compute import vm_states
from oslo_log import log as logging

from nova_ext import exception
from nova_ext.compute import topology
from nova_ext.model import record as records

LOG = logging.getLogger(__name__)

TASK_STATE = task_states.RESIZE_PREP

#: What ``nova.db.main.api.action_event_finish`` notes of a failed event.
_GIVEN_UP = 'Error'


class InstanceStore:
    """Saves one instance; see :class:`nova_ext.scaling.ports.Store`."""

    def __init__(self, instance):
        """Take up a freshly loaded instance."""
        self._instance = instance

    def begin(self, record):
        """See the port."""
        self._put(record)
        self._instance.task_state = TASK_STATE
        try:
            self._save(
                expected_vm_state=[vm_states.ACTIVE],
                expected_task_state=[None],
            )
        except exception.Interrupted as error:
            raise exception.ServerBusy(reason=str(error)) from error

    def reclaim(self, record):
        """Claim a server that no request works on, in any vm_state.

        :param record: with a journal, from which the next audit goes on
            where this is cut off.
        :raises exception.Interrupted: another operation runs on it.
        """
        self._put(record)
        self._instance.task_state = TASK_STATE
        self._save(expected_task_state=[None, TASK_STATE])

    def switch(self, layout, record):
        """Save pins and record at once, while the server is claimed."""
        self._put(record)
        self._put_layout(layout)
        self._save(expected_task_state=[TASK_STATE])

    def finish(self, record, layout):
        """See the port."""
        self._put(record)
        self._put_layout(layout)
        self._instance.task_state = None
        self._save(expected_task_state=[TASK_STATE])

    def note(self, record):
        """See the port."""
        self._put(record)
        self._save(expected_task_state=[None])

    def is_withdrawn(self, request_id):
        """See the port; nova-api says it by an event of the action."""
        action = objects.InstanceAction.get_by_request_id(
            self._instance._context, self._instance.uuid, request_id
        )
        return action is not None and action.message == _GIVEN_UP

    def _put(self, record):
        self._instance.system_metadata = records.merge(
            self._instance.system_metadata, record
        )

    def _put_layout(self, layout):
        if layout.cells:
            self._instance.numa_topology = topology.with_layout(
                self._instance.numa_topology, layout
            )

    def _save(self, **expected):
        try:
            self._instance.save(**expected)
        except (
            nova_exception.InstanceUpdateConflict,
            nova_exception.InstanceNotFound,
        ) as error:
            raise exception.Interrupted(
                reason=error.format_message()
            ) from error
        except Exception as error:
            LOG.exception('Server %s was not saved.', self._instance.uuid)
            raise exception.SavingFailed(
                reason=exception.name_of(error)
            ) from error
