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
"""All checks, in the order in which they are shown."""

from collections.abc import Collection

from nova_ext.hostcheck import cpus
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import groups
from nova_ext.hostcheck import hardware
from nova_ext.hostcheck import host
from nova_ext.hostcheck import idle
from nova_ext.hostcheck import kernel
from nova_ext.hostcheck import limits
from nova_ext.hostcheck import memory
from nova_ext.hostcheck import versions

# The versions come before the limits: to ask libvirt for its version starts
# virtqemud, whose limits are read then.
CHECKS = (
    *versions.CHECKS,
    *cpus.CHECKS,
    *kernel.CHECKS,
    *groups.CHECKS,
    *limits.CHECKS,
    *hardware.CHECKS,
    *idle.CHECKS,
    *memory.CHECKS,
)

NAMES = tuple(check.name for check in CHECKS)


def run(seen: host.Host, accepted: Collection[str]) -> list[findings.Finding]:
    """Do all checks.

    :param accepted: names of those that shall not count.
    """
    return [
        findings.find(check, seen, check.name in accepted) for check in CHECKS
    ]


def passes(found: Collection[findings.Finding]) -> bool:
    """Whether the host keeps what a real-time flavor promises."""
    return not any(finding.blocks for finding in found)
