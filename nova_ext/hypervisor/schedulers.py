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
"""The real-time vCPUs in a domain definition.

Changing a thread's policy goes past libvirt, and Nova's soft reboot starts
the domain from its persistent definition; so that one must name the online
real-time vCPUs only.
"""

from lxml import etree

from nova_ext import cpuset


def with_realtime(
    xml: str,
    added: frozenset[int],
    removed: frozenset[int],
    priority: int,
) -> str:
    """Return a domain definition with other vCPUs in its ``vcpusched``.

    libvirt gives one element back for each vCPU; they become one, as Nova
    writes it, and none when there is no real-time vCPU.

    :param priority: of SCHED_FIFO.
    """
    root = etree.fromstring(xml)
    cputune = root.find('cputune')
    if cputune is None:
        return xml
    realtime = set(added)
    for element in cputune.findall('vcpusched'):
        realtime |= cpuset.parse(element.get('vcpus', ''))
        cputune.remove(element)
    realtime -= removed
    if realtime:
        etree.SubElement(
            cputune,
            'vcpusched',
            vcpus=cpuset.render(realtime),
            scheduler='fifo',
            priority=str(priority),
        )
    return str(etree.tostring(root, encoding='unicode'))


def without_realtime(xml: str, removed: frozenset[int]) -> str:
    """Return a domain definition in which vCPUs are not real-time any more.

    The others keep their policy and their priority.
    """
    root = etree.fromstring(xml)
    for element in root.findall('cputune/vcpusched'):
        vcpus = cpuset.parse(element.get('vcpus', '')) - removed
        if vcpus:
            element.set('vcpus', cpuset.render(vcpus))
        else:
            element.getparent().remove(element)
    return str(etree.tostring(root, encoding='unicode'))
