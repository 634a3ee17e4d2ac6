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
"""The contract of resource plug-ins, which run in nova-compute."""

import abc
from collections.abc import Mapping
from typing import Any

from nova_ext.model.usage import Usage
from nova_ext.plugins.base import Plugin
from nova_ext.plugins.stats import Value
from nova_ext.resources.host import Host


class Resource(Plugin):
    """Accounts for one resource of one compute node.

    There is one object for each compute node. All methods run one at a time,
    under Nova's ``compute_resources`` lock, so they compute and return: no
    files, processes, messages or waiting. What they need of the host comes
    with :meth:`reset`; limits come from options of the plug-in's own, from
    what the driver reports, or from an allocation ratio.

    Each error of a method is logged and costs only its own plug-in; the next
    audit resets it.
    """

    @abc.abstractmethod
    def reset(self, host: Host) -> None:
        """Take up what the host has, and forget all servers.

        Called at the start of every audit; all servers are added after it.
        """

    @abc.abstractmethod
    def add_instance(self, usage: Usage) -> None:
        """Count a server that is on the host or has been promised to it."""

    @abc.abstractmethod
    def remove_instance(self, usage: Usage) -> None:
        """Undo :meth:`add_instance` of the very same usage."""

    @abc.abstractmethod
    def test(self, usage: Usage, limits: Mapping[str, Any]) -> str | None:
        """Return why a new server does not fit, None if it does.

        Changes nothing. The text reaches the operator's log and, when no
        host is left, the server's fault.

        :param usage: without ``cells``, as the place is not chosen yet.
        :param limits: what Nova's filters sent for this host; only Nova's
            own keys arrive (``numa_topology``, ``vcpu``, ``memory_mb``,
            ``disk_gb``), and it may be empty.
        :raises exception.DemandInvalid: the flavor's extra spec is wrong.
        """

    @abc.abstractmethod
    def write(self) -> Mapping[str, Value]:
        """Return what the scheduler should know, by the described keys.

        The same for the same servers, whatever the time and the order in
        which they came: Nova saves the compute node when it differs.
        """

    @abc.abstractmethod
    def report_free(self) -> str:
        """Return what is left, in words; logged at the end of an audit."""
