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
in the database, but only the row: what is in ``instance_extra``, as the pins,
it has written by then. So each save begins with a look at the row, and saves
nothing but what it is meant to. What is left is an operation that begins after
that look, and has saved its own pins before the save that follows at once.

``task_state`` is what keeps Nova's other operations away; the value is one of
Nova's own, because its notifications know no other, and ``resize_prep``,
because Nova clears it at start-up if nobody else does, unless the server is
in ERROR (``ComputeManager._init_instance``). Nova's own resizes and
migrations begin with it too, for servers that are ACTIVE or STOPPED
(``API.resize``); so recovery has to know which claims are its own.
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

#: What a save may change.
_WITHOUT_PINS = {'system_metadata', 'task_state'}
_WITH_PINS = {'system_metadata', 'task_state', 'numa_topology'}

#: What ``nova.db.main.api.action_event_finish`` notes of a failed event.
_GIVEN_UP = 'Error'


#: Which servers Nova's ``API.resize`` claims, for a migration too.
_RESIZABLE = (vm_states.ACTIVE, vm_states.STOPPED)


def is_left_over(instance, claimed):
    """Return whether a server is claimed by a request that has ended.

    :param claimed: uuids, see :class:`InstanceStore`.
    """
    return instance.task_state == TASK_STATE and (
        instance.uuid in claimed or instance.vm_state not in _RESIZABLE
    )


class InstanceStore:
    """Saves one instance; see :class:`nova_ext.scaling.ports.Store`."""

    def __init__(self, instance, claimed):
        """Take up a freshly loaded instance.

        :param claimed: the uuids of the servers that this nova-compute has,
            or may have, claimed and not given free; changed here. A claim
            whose end could not be saved stays in it.
        """
        self._instance = instance
        self._claimed = claimed

    def begin(self, record):
        """See the port."""
        was_claimed = self._instance.uuid in self._claimed
        self._put(record)
        try:
            self._claim([None], expected_vm_state=[vm_states.ACTIVE])
        except exception.Interrupted as error:
            if not was_claimed:
                self._claimed.discard(self._instance.uuid)
            raise exception.ServerBusy(reason=str(error)) from error

    def reclaim(self, record):
        """Claim a server that no request works on, in any vm_state.

        :param record: with a journal, from which the next audit goes on
            where this is cut off.
        :raises exception.Interrupted: another operation runs on it.
        """
        expected = [None]
        # A claim is never saved without a journal.
        if records.JOURNAL_KEY in self._instance.system_metadata:
            if is_left_over(self._instance, self._claimed):
                expected.append(TASK_STATE)
        self._put(record)
        try:
            self._claim(expected)
        except exception.Interrupted:
            self._claimed.discard(self._instance.uuid)
            raise

    def switch(self, layout, record):
        """Save pins and record at once, while the server is claimed."""
        self._put(record)
        self._put_layout(layout)
        self._save(_WITH_PINS, [TASK_STATE])

    def finish(self, record, layout):
        """See the port."""
        uuid = self._instance.uuid
        self._claimed.add(uuid)
        self._put(record)
        self._put_layout(layout)
        self._instance.task_state = None
        try:
            self._save(_WITH_PINS, [TASK_STATE])
        except exception.Interrupted:
            self._claimed.discard(uuid)
            raise
        self._claimed.discard(uuid)

    def note(self, record):
        """See the port."""
        self._put(record)
        self._save(_WITHOUT_PINS, [None])

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

    def _claim(self, task_states, **expected):
        self._claimed.add(self._instance.uuid)
        self._instance.task_state = TASK_STATE
        self._save(_WITHOUT_PINS, task_states, **expected)

    def _save(self, fields, task_states, **expected):
        """Save these fields, if the server is still as expected.

        :raises exception.Interrupted: it is not, and nothing was saved.
        :raises exception.SavingFailed: it may have been saved, or half of it.
        """
        instance = self._instance
        expected['expected_task_state'] = task_states
        others = instance.obj_what_changed() - fields
        if others:
            instance.obj_reset_changes(others, recursive=True)
        try:
            self._check(**expected)
            instance.save(**expected)
        except (
            nova_exception.InstanceUpdateConflict,
            nova_exception.InstanceNotFound,
        ) as error:
            raise exception.Interrupted(
                reason=error.format_message()
            ) from error
        except exception.Interrupted:
            raise
        except Exception as error:
            LOG.exception('Server %s was not saved.', instance.uuid)
            raise exception.SavingFailed(
                reason=exception.name_of(error)
            ) from error

    def _check(self, expected_task_state, expected_vm_state=None):
        now = objects.Instance.get_by_uuid(
            self._instance._context, self._instance.uuid, expected_attrs=[]
        )
        if now.host != self._instance.host:
            found = 'it is on host %s now' % now.host
        elif now.task_state not in expected_task_state:
            found = 'its task state is %s' % now.task_state
        elif expected_vm_state and now.vm_state not in expected_vm_state:
            found = 'its state is %s' % now.vm_state
        else:
            return
        raise exception.Interrupted(
            reason='Instance %s: %s' % (now.uuid, found)
        )
