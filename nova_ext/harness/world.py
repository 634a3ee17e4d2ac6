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
"""Hosts and servers for the tests of plug-ins."""

from collections.abc import Mapping
from collections.abc import Sequence
import types
from typing import Any
import uuid

from nova_ext.model.usage import Flavor
from nova_ext.model.usage import PlacedCell
from nova_ext.model.usage import Usage
from nova_ext.resources.host import Host
from nova_ext.resources.host import HostCell


def a_host(cells: int = 2, pcpus: int = 8, **resources: Any) -> Host:
    """Return a host with dedicated pCPUs only.

    :param pcpus: of each NUMA cell; numbered through.
    :param resources: what else the driver reports.
    """
    return Host(
        'host',
        tuple(
            HostCell(node, frozenset(range(node * pcpus, (node + 1) * pcpus)))
            for node in range(cells)
        ),
        {'vcpus': cells * pcpus, 'memory_mb': 65536, **resources},
    )


def a_server(
    vcpus: int = 1,
    extra_specs: Mapping[str, str] | None = None,
    first_pcpu: int | None = 0,
    node: int = 0,
    offline: Sequence[int] = (),
    realtime: Sequence[int] = (),
    memory_mb: int = 512,
) -> Usage:
    """Return a server, pinned to consecutive pCPUs of one NUMA cell.

    :param first_pcpu: None for one whose vCPUs float.
    :param offline: vCPUs that are parked on the pCPU of vCPU 0.
    """
    flavor = Flavor(
        'test',
        vcpus,
        memory_mb,
        extra_specs=types.MappingProxyType(dict(extra_specs or {})),
    )
    name = str(uuid.uuid4())
    if first_pcpu is None:
        return Usage(name, flavor)
    pins = {
        vcpu: first_pcpu + (0 if vcpu in offline else vcpu)
        for vcpu in range(vcpus)
    }
    return Usage(
        name,
        flavor,
        dedicated=frozenset(pins),
        realtime=frozenset(realtime),
        offline=frozenset(offline),
        cells=(PlacedCell(node, types.MappingProxyType(pins)),),
    )


def a_request(server: Usage) -> Usage:
    """Return what the scheduler, or a claim, sees of a server to come."""
    return Usage(
        server.uuid,
        server.flavor,
        server.dedicated,
        server.realtime,
        isolated=server.isolated,
        extra_cores=server.extra_cores,
    )
