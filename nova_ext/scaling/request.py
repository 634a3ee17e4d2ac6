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
"""One scale request: checked, journalled, carried out, recorded."""

from dataclasses import replace

from oslo_log import log as logging
from oslo_utils import timeutils

from nova_ext import exception
from nova_ext.model.record import DONE
from nova_ext.model.record import DOWN
from nova_ext.model.record import FAILED
from nova_ext.model.record import IN_PROGRESS
from nova_ext.model.record import REFUSED
from nova_ext.model.record import Journal
from nova_ext.model.record import LastRequest
from nova_ext.model.record import ScaleRecord
from nova_ext.scaling.contract import Plan
from nova_ext.scaling.operation import GuestRules
from nova_ext.scaling.operation import Operation
from nova_ext.scaling.ports import Ports
from nova_ext.scaling.ports import Server
from nova_ext.scaling.ports import Store
from nova_ext.scaling.recovery import Recovered
from nova_ext.scaling.timing import Spent
from nova_ext.scaling.timing import timed

LOG = logging.getLogger(__name__)

INTERRUPTED = (
    'nova-compute stopped, or could save nothing, while it scaled the server; '
    'what it had begun was finished or undone.'
)


def refuse(
    request_id: str, plan: Plan, record: ScaleRecord, store: Store
) -> None:
    """Record and raise the first blocker of a plan, if it has one.

    :raises exception.NovaExtError: the blocker's error.
    """
    if not plan.blockers:
        return
    error = plan.blockers[0].error
    last = _last(request_id, plan, plan.current, REFUSED, error)
    if not isinstance(error, exception.ServerBusy):
        # Whatever keeps the server busy may be saving it right now.
        store.note(replace(record, last=last))
    raise error


def fail(
    request_id: str,
    plan: Plan,
    record: ScaleRecord,
    store: Store,
    error: exception.NovaExtError,
) -> None:
    """Record and raise what an earlier request's recovery failed with.

    :raises exception.NovaExtError: the error.
    """
    last = _last(request_id, plan, plan.current, FAILED, error)
    store.note(replace(record, last=last))
    raise error


def begin(
    request_id: str,
    plan: Plan,
    record: ScaleRecord,
    store: Store,
    server: Server,
) -> ScaleRecord:
    """Journal a request that has no blocker, and claim its server.

    A request may come so late that its caller has been told an error. It is
    given free again then; see ``nova_ext.api.unanswered`` for the order.

    :returns: the record as saved.
    :raises exception.ServerBusy: another operation was first.
    :raises exception.Withdrawn: it came too late.
    """
    last = _last(request_id, plan, plan.current, IN_PROGRESS)
    begun = replace(record, journal=Journal(plan.direction), last=last)
    store.begin(begun)
    if store.is_withdrawn(request_id):
        error = exception.Withdrawn(server=server.uuid)
        last = _last(request_id, plan, plan.current, FAILED, error)
        store.finish(replace(record, last=last), server.layout)
        raise error
    return begun


def skip(
    request_id: str, plan: Plan, record: ScaleRecord, store: Store
) -> LastRequest:
    """Record a request for what is the case already."""
    last = _last(request_id, plan, plan.current, DONE)
    store.note(replace(record, last=last))
    return last


def after_recovery(record: ScaleRecord, recovered: Recovered) -> ScaleRecord:
    """Return the record of a server whose journal was recovered."""
    reached = len(recovered.layout.online)
    last = record.last
    if last and last.state == IN_PROGRESS:
        last = replace(
            last,
            state=DONE if reached == last.target else FAILED,
            reason='' if reached == last.target else INTERRUPTED,
            updated_at=now(),
        )
    if last:
        last = replace(last, reached=reached)
    return replace(
        record,
        offline=recovered.layout.offline,
        journal=recovered.journal,
        last=last,
    )


def carry_out(
    plan: Plan,
    server: Server,
    record: ScaleRecord,
    ports: Ports,
    rules: GuestRules,
) -> LastRequest:
    """Do the steps of a journalled request, up to the first that fails.

    :returns: how the request ended, when all steps were done.
    :raises exception.NovaExtError: a step's failure, after it was recorded.
    """
    spent = Spent()
    ports = timed(ports, spent)
    operation = Operation(server, record, ports, rules)
    error = _do_steps(plan, operation)
    last = _conclude(plan, operation, error)
    _save_end(operation, last, ports)
    LOG.info(
        'Server %(server)s: scale %(direction)s from %(current)d to '
        '%(target)d vCPUs reached %(reached)d. Milliseconds: %(spent)s. '
        '%(reason)s',
        {
            'server': server.uuid,
            'direction': plan.direction,
            'current': plan.current,
            'target': plan.target,
            'reached': last.reached,
            'spent': spent,
            'reason': last.reason,
        },
    )
    if error:
        raise error
    return last


def _do_steps(
    plan: Plan, operation: Operation
) -> exception.NovaExtError | None:
    """Return what the first step that failed failed with, None for none."""
    try:
        for step in plan.steps:
            if step.direction == DOWN:
                operation.down()
            else:
                operation.up()
    except exception.NovaExtError as failure:
        return failure
    except Exception as failure:
        LOG.exception('Server %s: a scale step failed.', operation.server.uuid)
        return exception.StepFailed(reason=exception.name_of(failure))
    return None


def _save_end(operation: Operation, last: LastRequest, ports: Ports) -> None:
    ended = replace(operation.record, journal=operation.left_over, last=last)
    try:
        ports.store.finish(ended, operation.layout)
    except (exception.SavingFailed, exception.Interrupted) as lost:
        # The caller is told how it ended, so it must stay so.
        ports.host.keep(ended, operation.layout)
        LOG.warning(
            'Server %(server)s: the end of its scale request was not saved, '
            'the next audit does it: %(error)s',
            {'server': operation.server.uuid, 'error': lost},
        )


def _conclude(
    plan: Plan, operation: Operation, error: exception.NovaExtError | None
) -> LastRequest:
    begun = operation.record.last
    reached = len(operation.layout.online)
    return _last(
        begun.request_id if begun else '',
        plan,
        reached,
        FAILED if error else DONE,
        error,
    )


def _last(
    request_id: str,
    plan: Plan,
    reached: int,
    state: str,
    error: exception.NovaExtError | None = None,
) -> LastRequest:
    return LastRequest(
        request_id=request_id,
        direction=plan.direction,
        target=plan.target,
        reached=reached,
        state=state,
        reason=str(error or ''),
        updated_at=now(),
        code=error.code if error else 0,
    )


def now() -> str:
    """Return the time as records have it: ISO 8601, UTC, in seconds."""
    return timeutils.utcnow().isoformat(timespec='seconds') + 'Z'
