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
"""See that guests leave their parked vCPUs offline, and tell them once.

A guest that boots has all vCPUs online. Its agent takes the parked ones
offline with what the metadata service says, and announces what is online;
then it is told about those that still are. A guest without such an agent, or
whose announcement is lost, or that brings a parked vCPU online later, is
found out by the time that the vCPU's thread runs between audits. It is told
once after each boot and scale request; after that what it does is only
recorded.

No lock of Nova's is held while a guest is asked; scale requests on the server
find it busy meanwhile.
"""

from dataclasses import replace
import threading
import time

from nova import context as nova_context
from oslo_concurrency import lockutils
from oslo_log import log as logging

from nova_ext import cpuset
from nova_ext import exception
from nova_ext.compute import libvirt_guest
from nova_ext.compute import quota
from nova_ext.compute import topology
from nova_ext.model.record import DOWN
from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from nova_ext.model.record import Stray
from nova_ext.scaling import request
from nova_ext.scaling import strays
from nova_ext.wire import addresses

LOG = logging.getLogger(__name__)


class GuestWatch:
    """Watches the guests of this compute host."""

    def __init__(self, driver, scaler):
        """Take up the parts of this nova-compute.

        :param scaler: :class:`nova_ext.compute.scaler.Scaler`.
        """
        self._driver = driver
        self._scaler = scaler
        self._detector = strays.Detector()
        self._looking = threading.Lock()
        self._quota = quota.Quota()
        self._announced = set()
        # By uuid: resets of the guest, how often its vCPUs were talked of
        # with it, and since what it was dealt with (see `_look_at`). libvirt's
        # event thread writes `_reboots`, background threads the others, an
        # audit forgets who has left. Of two counts at once one may be lost:
        # what matters is that the number is no longer the one seen before.
        self._reboots = {}
        self._talks = {}
        self._told = {}
        self._warned = {}

    # -- what wakes it -----------------------------------------------------

    def rebooted(self, uuid):
        """Note that a guest has reset itself; never logs nor blocks."""
        self._reboots[uuid] = self._reboots.get(uuid, 0) + 1

    def heard(self, name, online):
        """Answer an announcement in the background, if not too many came.

        :param name: the instance's name, which the channel vouches for.
        :param online: the vCPUs that are online in its guest.
        """
        if self._quota.admit(name):
            self._scaler.start(self._quietly, self._booted, name, online)

    def audited(self, instances):
        """Look, in the background, at an audit's scaled-down servers."""
        uuids = {instance.uuid for instance in instances}
        self._detector.keep(uuids)
        self._announced.intersection_update(uuids)
        for known in (self._reboots, self._talks, self._told, self._warned):
            for uuid in set(known) - uuids:
                known.pop(uuid, None)
        if instances:
            self._scaler.start(self._look_at_all, instances)

    # -- a guest that has booted -------------------------------------------

    def _booted(self, name, online):
        uuid = libvirt_guest.uuid_of(self._driver, name)
        if uuid is None:
            return
        self._announced.add(uuid)
        job = self._job(uuid, may_save=False)
        if not (job.server.layout.offline & online or job.record.strays):
            # Not held: a request that comes with the boot need not wait.
            self._talked(uuid)
            return
        with self._hold(uuid):
            self._take_back(uuid, online)

    def _take_back(self, uuid, online):
        job = self._job(uuid)
        awake = job.server.layout.offline & online
        if awake:
            awake -= self._tell(job, awake)[0]
            LOG.info(
                'Server %(server)s: its guest has booted; of its parked '
                'vCPUs these are online still: %(vcpus)s',
                {
                    'server': uuid,
                    'vcpus': cpuset.render(awake) or 'none',
                },
            )
        self._talked(uuid)
        self._note(uuid, job.record.strays & awake)

    # -- a guest that runs parked vCPUs ------------------------------------

    def _look_at_all(self, instances):
        if not self._looking.acquire(blocking=False):
            return
        try:
            for instance in instances:
                self._quietly(self._look_at, instance)
        finally:
            self._looking.release()

    def _look_at(self, instance):
        uuid = instance.uuid
        offline = topology.server_of(instance).layout.offline
        record = ScaleRecord.from_metadata(instance.system_metadata)
        guest = libvirt_guest.find_running(self._driver, instance)
        times = guest.times(offline) if guest else {}
        if not times:
            return
        last = record.last and record.last.request_id
        since = (guest.boot, self._reboots.get(uuid, 0), last)
        talks = self._talks.get(uuid)
        found = self._detector.see(
            uuid,
            strays.Look((since, talks, offline), time.monotonic(), times),
        )
        if found is None:
            return
        tell = (
            bool(found)
            and self._told.get(uuid) != since
            and guest.is_listening(addresses.PORT_NAME) is not False
        )
        if tell or found != record.strays:
            with self._hold(uuid):
                # What it ran before it was talked to is past.
                if self._talks.get(uuid) == talks:
                    self._found(uuid, since, found, tell)

    def _found(self, uuid, since, found, tell):
        job = self._job(uuid)
        found &= job.server.layout.offline
        first = self._warned.get(uuid) != since
        LOG.log(
            logging.WARNING if first and found else logging.DEBUG,
            'Server %(server)s: parked vCPUs that its guest runs by itself, '
            'on the core of another of its vCPUs: %(vcpus)s',
            {'server': uuid, 'vcpus': cpuset.render(found) or 'none'},
        )
        if found:
            self._warned[uuid] = since
        confirmed = frozenset()
        # A journal's recovery asks the guest already.
        if tell and found and not job.record.journal:
            self._told[uuid] = since
            confirmed = self._tell_carefully(job, found)
            self._talked(uuid)
        self._note(uuid, found - confirmed, found - job.record.strays)

    def _tell_carefully(self, job, vcpus):
        """Tell a guest whose agent may be an old one.

        Such an agent takes a vCPU of its own choice offline, perhaps later,
        which must be brought back; the journal makes sure of that.
        """
        uuid = job.server.uuid
        if uuid in self._announced:
            return self._tell(job, vcpus)[0]
        journal = Journal(DOWN, guest_only=True)
        self._save(uuid, lambda record: replace(record, journal=journal))
        confirmed, answered = self._tell(job, vcpus)
        if answered:
            self._save(uuid, lambda record: replace(record, journal=None))
        return confirmed

    # -- both --------------------------------------------------------------

    def _hold(self, uuid):
        return self._scaler.hold(uuid, 'its guest is asked about its vCPUs')

    def _tell(self, job, vcpus):
        """Return which are offline, and whether the guest has answered."""
        telling = job.telling()
        answered = True
        try:
            telling.take_offline(vcpus)
        except exception.NovaExtError as error:
            LOG.warning(
                'Server %(server)s: its guest could not be told to take '
                'vCPUs %(vcpus)s offline, which are parked: %(error)s',
                {
                    'server': job.server.uuid,
                    'vcpus': cpuset.render(vcpus),
                    'error': error,
                },
            )
            answered = False
        return frozenset(telling.confirmed), answered

    def _talked(self, uuid):
        self._talks[uuid] = self._talks.get(uuid, 0) + 1

    def _note(self, uuid, vcpus, new=frozenset()):
        """Save which parked vCPUs run, where that is news."""

        def change(record):
            known = record.stray
            if record.strays == vcpus and not new:
                return record
            count = (known.count if known else 0) + bool(new)
            return replace(record, stray=Stray(vcpus, count, request.now()))

        self._save(uuid, change)

    def _save(self, uuid, change):
        with lockutils.lock(uuid, 'nova-'):
            job = self._job(uuid)
            record = change(job.record)
            if record != job.record:
                job.ports.store.note(record)

    def _job(self, uuid, may_save=True):
        context = nova_context.get_admin_context()
        return self._scaler.job(context, uuid, may_save)

    def _quietly(self, work, *args):
        try:
            work(*args)
        except (exception.ServerBusy, exception.Interrupted) as error:
            # Another operation has the server; the next audit looks again.
            LOG.debug('A guest is not watched now: %s', error)
        except Exception:
            LOG.exception('Watching a guest failed')
