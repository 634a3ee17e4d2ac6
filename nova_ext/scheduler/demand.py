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
"""Translate a request into what plug-ins see of a server.

Leans on ``RequestSpec.flavor``, ``image`` and ``numa_topology``, and on
``nova.virt.hardware.get_realtime_cpu_constraint`` (Nova 31 to 34).
"""

from nova import exception as nova_exception
from nova.virt import hardware

from nova_ext.model import usage


def usage_of(spec):
    """Return the :class:`usage.Usage` of a ``RequestSpec``."""
    flavor = spec.flavor
    topology = spec.numa_topology if 'numa_topology' in spec else None
    dedicated = usage.dedicated_of(topology)
    return usage.Usage(
        uuid=spec.instance_uuid if 'instance_uuid' in spec else '',
        flavor=usage.Flavor.of(flavor),
        dedicated=dedicated,
        realtime=_realtime(spec, flavor),
        isolated=usage.is_isolated(topology),
        extra_cores=(
            usage.extra_cores_of(flavor.extra_specs) if dedicated else 0
        ),
    )


def _realtime(spec, flavor):
    # The image matters, and takes long to read, only with real-time.
    if not hardware.is_realtime_enabled(flavor):
        return frozenset()
    try:
        return frozenset(
            hardware.get_realtime_cpu_constraint(flavor, spec.image) or ()
        )
    except nova_exception.NovaException:
        # Nova's own checks have a better message.
        return frozenset()
