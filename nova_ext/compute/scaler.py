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
"""Scale requests on the servers of this compute host.

Locks, in order: the guard, then Nova's lock on the instance's uuid, then,
inside the tracker and briefly, Nova's ``compute_resources``.
"""

import contextlib
import threading

from nova import objects
from oslo_concurrency import lockutils
from oslo_log import log as logging

from nova_ext import exception
from nova_ext.compute import announce
from nova_ext.compute import guard
from nova_ext.compute import patience
from nova_ext.compute.job import Job
from nova_ext.scaling import planning
from nova_ext.scaling import request

LOG = logging.getLogger(__name__)

#: What a request needs of its instance, read afresh for each.
EXPECTED_ATTRS = [
    'flavor',
    'numa_topology',
    'system_metadata',
    *announce.EXPECTED_ATTRS,
]


class Scaler:
    """Plans, carries out and recovers scale requests."""

    def __init__(self, driver, tracker, coordinator, reportclient):
        """Take up the parts of this nova-compute."""
        self._driver = driver
        self._tracker = tracker
        self._coordinator = coordinator
        self._reportclient = reportclient
        self._guard = guard.Guard()
        self._patience = patience.Patience()
        self._threads = set()

    def plan(self, context, uuid, wish):
        """Return the :class:`contract.Plan` of a wish; changes nothing."""
        job = self.job(context, uuid, may_save=False)
        return planning.make_plan(job.server, wish, job.circumstances())

    def scale(self, context, uuid, wish, wait):
        """Carry out a wish, or start to.

        :param wait: whether to return only when it has ended.
        :returns: the :class:`LastRequest` as it stands.
        :raises exception.NovaExtError: it was refused or, with ``wait``,
            failed.
        """
        with contextlib.ExitStack() as held:
            held.enter_context(
                announce.ActionEvent(context, self._tracker.host, uuid)
            )
            held.enter_context(self._guard.hold(uuid))
            job, error = self._recovered_job(context, uuid)
            plan = planning.make_plan(job.server, wish, job.circumstances())
            saved = (context.request_id, plan, job.record, job.ports.store)
            request.refuse(*saved)
            if error:
                request.fail(*saved, error)
            if not plan.steps:
                return request.skip(*saved)
            begun = request.begin(*saved, job.server)
            if wait:
                return self._carry_out(plan, job, begun)
            self._start_holding(held.pop_all(), plan, job, begun)
            return begun.last

    def recover(self, context, uuids):
        """Recover, in the background, what an audit found unfinished."""
        self.start(self._recover_all, context, uuids)

    def recharge(self, context, uuids):
        """Correct, in the background, the allocations of servers."""
        self.start(self._recharge_all, context, uuids)

    def hold(self, uuid, reason):
        """Hold a server for another cause; see :meth:`guard.Guard.hold`."""
        return self._guard.hold(uuid, reason)

    def job(self, context, uuid, may_save=True):
        """Return a :class:`Job` on an instance as it is saved now.

        :param may_save: false for who only looks and holds no server.
        :raises exception.ServerBusy: it is not on this host.
        """
        instance = objects.Instance.get_by_uuid(
            context, uuid, expected_attrs=EXPECTED_ATTRS
        )
        return Job(
            context,
            instance,
            self._driver,
            self._tracker,
            self._coordinator,
            self._reportclient,
            may_save,
        )

    def start(self, target, *args):
        """Run a function in the background; see :meth:`wait`."""
        thread = threading.Thread(
            target=self._run, args=(target, *args), name='nova-ext-scaler'
        )
        self._threads.add(thread)
        try:
            thread.start()
        except BaseException:
            self._threads.discard(thread)
            raise

    def wait(self, timeout):
        """Wait until nothing runs in the background.

        :param timeout: seconds for each thread.
        """
        for thread in list(self._threads):
            thread.join(timeout)

    def _recovered_job(self, context, uuid):
        """Return a job whose earlier request, if unfinished, was recovered.

        :returns: the job, and what was in the way of its recovery.
        """
        job = self.job(context, uuid)
        if not job.record.journal:
            return job, None
        with lockutils.lock(uuid, 'nova-'):
            error = job.recover()
        self._patience.ended(uuid)
        return self.job(context, uuid), error

    def _carry_out(self, plan, job, record):
        with lockutils.lock(job.server.uuid, 'nova-'):
            return job.carry_out(plan, record)

    def _start_holding(self, held, *args):
        """Start to carry out; what is held is given free afterwards."""
        try:
            self.start(self._carry_out_later, held, *args)
        except BaseException as error:
            # A claim without a request is recovered after the next audit.
            held.__exit__(type(error), error, error.__traceback__)
            raise

    def _carry_out_later(self, held, plan, job, record):
        try:
            with held:
                self._carry_out(plan, job, record)
        except exception.NovaExtError as error:
            # The caller finds it in the record and the instance action.
            LOG.warning(
                'Server %(server)s: scale request failed: %(error)s',
                {'server': job.server.uuid, 'error': error},
            )

    def _recover_all(self, context, uuids):
        self._patience.keep(uuids)
        for uuid in filter(self._patience.is_due, uuids):
            try:
                with self._guard.hold(uuid):
                    self._recover(context, uuid)
            except exception.ServerBusy:
                LOG.debug('Server %s is being scaled, not recovered.', uuid)
            except Exception:
                LOG.exception(
                    'Server %s: its scale request was not recovered; the '
                    'next audit tries again.',
                    uuid,
                )

    def _recharge_all(self, context, uuids):
        for uuid in uuids:
            try:
                with self._guard.hold(uuid, 'its allocation is corrected'):
                    with lockutils.lock(uuid, 'nova-'):
                        self.job(context, uuid).recharge()
            except exception.NovaExtError as error:
                LOG.info(
                    'Server %(server)s: its allocation was not corrected; the '
                    'next audit tries again: %(error)s',
                    {'server': uuid, 'error': error},
                )
            except Exception:
                LOG.exception('Correcting an allocation failed')

    def _recover(self, context, uuid):
        with lockutils.lock(uuid, 'nova-'):
            job = self.job(context, uuid)
            if not job.record.journal:
                return
            if isinstance(job.recover(), exception.GuestSilent):
                self._patience.failed(uuid)
            else:
                self._patience.ended(uuid)

    def _run(self, target, *args):
        try:
            target(*args)
        except Exception:
            LOG.exception('Work on scaled servers in the background failed.')
        finally:
            self._threads.discard(threading.current_thread())
