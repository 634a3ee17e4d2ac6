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
"""The port ``Host``: one instance's cores, through the resource tracker."""

from nova_ext.compute import topology
from nova_ext.model import usage


class HostCores:
    """See :class:`nova_ext.scaling.ports.Host`."""

    def __init__(self, tracker, store, power, instance):
        """Take up an instance on this host.

        :param tracker: :class:`nova_ext.compute.tracker.ResourceTracker`.
        :param store: saves the instance with each change.
        :param power: :class:`nova_ext.compute.power.CorePower`.
        """
        self._tracker = tracker
        self._store = store
        self._power = power
        self._instance = instance
        self._isolated = usage.is_isolated(instance.numa_topology)

    @property
    def isolated(self):
        """Whether each vCPU takes a core with all its siblings."""
        return self._isolated

    def free_pcpus(self, node):
        """See the port."""
        return self._tracker.free_pcpus(
            self._instance.node, node, self._isolated
        )

    def switch(self, before, after, record):
        """See the port."""
        self._tracker.switch_cores(
            self._instance.node,
            before,
            after,
            self._isolated,
            lambda: self._save(before, after, record),
        )

    def take(self, before, vcpu, record):
        """See the port."""
        return self._tracker.take_core(
            self._instance.node,
            before,
            vcpu,
            self._isolated,
            lambda after: self._save(before, after, record),
        )

    def keep(self, record, layout):
        """See the port."""
        self._tracker.keep(
            self._instance.uuid,
            topology.with_layout(self._instance.numa_topology, layout),
            record,
        )

    def _save(self, before, after, record):
        taken = after.pcpus - before.pcpus
        self._power.up(taken)
        try:
            self._store.switch(after, record)
        except Exception:
            self._power.down(taken)
            raise
        self._power.down(before.pcpus - after.pcpus)
        return self._instance, self._instance.numa_topology
