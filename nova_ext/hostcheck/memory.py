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
"""The memory of real-time servers."""

from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host

_NODES = 'sys/devices/system/node'
_HOST = 'sys/kernel/mm'


def _hugepages(seen: host.Host) -> findings.Observation:
    nodes = _nodes(seen)
    shown = []
    lacking = False
    for node, folder in nodes.items():
        pools = _pools(seen.files, folder)
        shown.append('%s: %s' % (node, ', '.join(pools) or 'none'))
        lacking |= not pools
    found = '; '.join(shown)
    return findings.warning(found) if lacking else findings.passed(found)


def _nodes(seen: host.Host) -> dict[str, str]:
    """The NUMA nodes of dedicated CPUs, and where their pages show."""
    dedicated = seen.dedicated()
    if not seen.files.exists(_NODES):
        # A kernel without NUMA; without this folder nothing can be said.
        seen.files.names(_HOST)
        return {'host': _HOST + '/hugepages'}
    return {
        node: '%s/%s/hugepages' % (_NODES, node)
        for node in seen.files.names(_NODES)
        if node.startswith('node')
        and dedicated & seen.files.cpus('%s/%s/cpulist' % (_NODES, node))
    }


def _pools(found: files.HostFiles, folder: str) -> list[str]:
    """The sizes that have pages, such as ``1 of 8 pages of 2048kB free``."""
    pools = []
    for size in found.names(folder) if found.exists(folder) else []:
        total = found.number('%s/%s/nr_hugepages' % (folder, size))
        free = found.number('%s/%s/free_hugepages' % (folder, size))
        if total:
            pools.append(
                '%d of %d pages of %s free'
                % (free, total, size.removeprefix('hugepages-'))
            )
    return pools


CHECKS = (
    findings.Check(
        'hugepages',
        'Huge pages',
        'Each NUMA node with dedicated CPUs has huge pages.',
        'With hw:mem_page_size=large the memory of a guest is there from its '
        'start, and misses in the TLB are rarer and shorter.',
        'Boot with default_hugepagesz=1G hugepagesz=1G hugepages=<number>, '
        'and use hw:mem_page_size=large in real-time flavors.',
        _hugepages,
        required=False,
    ),
)
