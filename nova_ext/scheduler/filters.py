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
"""The two filters that put consumers to work, and the list of all.

Leans on ``nova.scheduler.filters.BaseHostFilter.filter_all`` and
``run_filter_once_per_request`` (Nova 31 to 34).
"""

from nova.scheduler import filters
from nova.scheduler import utils
from oslo_log import log as logging

from nova_ext.scheduler import hosts as seam
from nova_ext.scheduler import shared_cpus

LOG = logging.getLogger(__name__)


class ResourceConsumerFilter(filters.BaseHostFilter):
    """Let the consumers read each host; passes every host.

    It belongs in front of all other filters, so that every decision made
    inside a request is seen by what the same request decides next.
    """

    run_filter_once_per_request = True

    def __init__(self):
        """Load the consumers, with the scheduler's start."""
        self._hosts = seam.shared()

    def filter_all(self, filter_obj_list, spec_obj):
        """Return all hosts."""
        if not self._hosts.watched or utils.request_is_rebuild(spec_obj):
            return filter_obj_list
        hosts = list(filter_obj_list)
        self._hosts.read(hosts)
        return hosts


class ResourceFitFilter(filters.BaseHostFilter):
    """Filter out hosts that a consumer says are too small."""

    def __init__(self):
        """Load the consumers, with the scheduler's start."""
        self._hosts = seam.shared()

    def filter_all(self, filter_obj_list, spec_obj):
        """Return the hosts that fit."""
        if not self._hosts.watched or utils.request_is_rebuild(spec_obj):
            return filter_obj_list
        hosts = list(filter_obj_list)
        request = self._hosts.request(spec_obj)
        if not request.asked and not request.invalid:
            return hosts
        fit, refused = self._hosts.fitting(hosts, request)
        for host, why in refused:
            LOG.debug(
                '%(host)s is refused: got %(got)s, wanted %(wanted)s of '
                '%(key)s',
                {
                    'host': host,
                    'got': why.got,
                    'wanted': why.wanted,
                    'key': why.key,
                },
            )
        return fit


def all_filters():
    """Return the filters, for ``[filter_scheduler]available_filters``."""
    return [
        ResourceConsumerFilter,
        ResourceFitFilter,
        shared_cpus.SharedCpusFilter,
    ]
