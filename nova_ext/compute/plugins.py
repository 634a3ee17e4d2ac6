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
"""The resource plug-ins of this nova-compute, one handler for each node.

Pure bookkeeping for :mod:`nova_ext.compute.plugin_tracker` and
:mod:`nova_ext.compute.cores_tracker`, which call it under Nova's lock.
"""

from nova_ext.compute import usage as translate
from nova_ext.resources import handler as handlers

#: Where a usage travels in Nova's own usage dict.
KEY = 'nova_ext'


class NodePlugins:
    """The handlers of the nodes; false if no plug-in is switched on."""

    def __init__(self, names):
        """Load the plug-ins that ``[DEFAULT]compute_resources`` names.

        :raises exception.PluginError: nova-compute is not to start.
        """
        self._loaded = handlers.load(names)
        self._handlers = {}
        #: What the driver reported last, and which keys were written last.
        self._reported = {}
        self._written = {}

    def __bool__(self):
        return bool(self._loaded)

    def report(self, nodename, resources):
        """Take up what the driver reports for the audit that begins."""
        self._reported[nodename] = dict(resources)

    def reset(self, compute_node):
        """Start counting a node anew."""
        nodename = compute_node.hypervisor_hostname
        if nodename not in self._handlers:
            self._handlers[nodename] = handlers.ResourceHandler(self._loaded)
        self._handlers[nodename].reset(
            translate.host_of(compute_node, self._reported.get(nodename, {}))
        )

    def count(self, nodename, usage, sign):
        """Add a usage (sign 1), or take it away (-1)."""
        handler = self._handlers.get(nodename)
        if handler is None:
            return
        if sign == -1:
            handler.remove(usage)
        else:
            handler.add(usage)

    def rescale(self, nodename, instance, topology):
        """Count a server as it is after its cores on a node changed."""
        handler = self._handlers.get(nodename)
        if handler is not None:
            handler.replace(
                translate.usage_of(instance, instance.flavor, topology)
            )

    def refusals(self, nodename, usage, limits):
        """Return the reasons why a new server does not fit, in order."""
        handler = self._handlers.get(nodename)
        if handler is None:
            return []
        return [each for each in handler.test(usage, limits) if each]

    def write(self, compute_node):
        """Put the plug-ins' keys into the stats that the scheduler reads.

        Nova's audit starts from the driver's stats alone, so a key that no
        plug-in writes any more is gone then.
        """
        nodename = compute_node.hypervisor_hostname
        handler = self._handlers.get(nodename)
        if handler is None:
            return
        written = handler.write()
        stale = self._written.get(nodename, set()) - written.keys()
        self._written[nodename] = set(written)
        stats = dict(compute_node.stats or {})
        for key in stale:
            stats.pop(key, None)
        compute_node.stats = {**stats, **written}

    def report_free(self, nodename):
        """Log what is left, at the end of an audit."""
        if nodename in self._handlers:
            self._handlers[nodename].report_free()

    def forget(self, nodename):
        """Drop a node that this nova-compute has no more."""
        for kept in (self._handlers, self._reported, self._written):
            kept.pop(nodename, None)
