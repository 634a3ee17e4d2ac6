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
``ImageMetaProps.get`` (Nova 31 to 34).
"""

from nova_ext.model import usage


def usage_of(spec):
    """Return the :class:`usage.Usage` of a ``RequestSpec``."""
    flavor = usage.Flavor.of(spec.flavor)
    topology = spec.numa_topology if 'numa_topology' in spec else None
    dedicated = usage.dedicated_of(topology)
    return usage.Usage(
        uuid=spec.instance_uuid if 'instance_uuid' in spec else '',
        flavor=flavor,
        dedicated=dedicated,
        realtime=usage.realtime_of(
            flavor.vcpus, flavor.extra_specs, _properties(spec)
        ),
        isolated=usage.is_isolated(topology),
        extra_cores=(
            usage.extra_cores_of(flavor.extra_specs) if dedicated else 0
        ),
    )


def _properties(spec):
    image = spec.image if 'image' in spec else None
    return image.properties if image else {}
