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
"""Nova's own objects: an instance with pinned vCPUs, and a host's node."""

import json

from nova import context
from nova import objects
from oslo_concurrency import lockutils

UUID = '5b8f6a3e-54ab-4a5c-9a5e-0d6d9f3f7a11'
HOST = 'host1'
NODE = 'node1'
NODE_UUID = '3c1d6f4a-9b1f-4c36-8d8a-0a1b6e1b2c77'
SCALABLE = {'hw:cpu_policy': 'dedicated', 'hw:wrs:min_vcpus': '1'}


def admin():
    return context.get_admin_context()


def user():
    return context.RequestContext('u1', 'p1', is_admin=False)


def cell(pins, node=0, **changes):
    """Return a guest cell with vCPUs pinned to pCPUs of a host node."""
    values = {
        'id': node,
        'cpuset': set(),
        'pcpuset': set(pins),
        'memory': 256,
        'cpu_pinning': dict(pins),
        'cpu_policy': 'dedicated',
        'cpu_thread_policy': None,
        'cpuset_reserved': None,
        **changes,
    }
    return objects.InstanceNUMACell(**values)


def instance(*cells, specs=None, **changes):
    """Return an ACTIVE instance, of two pinned vCPUs unless given."""
    cells = cells or (cell({0: 10, 1: 11}),)
    vcpus = sum(len(one.pcpuset | one.cpuset) for one in cells)
    values = {
        'id': 1,
        'uuid': UUID,
        'host': HOST,
        'node': NODE,
        'project_id': 'p1',
        'user_id': 'u1',
        'vm_state': 'active',
        'task_state': None,
        'locked': False,
        'image_ref': '',
        'flavor': flavor(vcpus, specs),
        'numa_topology': objects.InstanceNUMATopology(
            instance_uuid=UUID, cells=list(cells)
        ),
        'system_metadata': {},
        'migration_context': None,
        **changes,
    }
    made = objects.Instance(admin(), **values)
    made.obj_reset_changes(recursive=True)
    return made


def flavor(vcpus=2, specs=None):
    return objects.Flavor(
        memory_mb=256,
        root_gb=1,
        ephemeral_gb=0,
        swap=0,
        id=1,
        flavorid='f1',
        name='f1',
        vcpus=vcpus,
        extra_specs=dict(SCALABLE if specs is None else specs),
    )


def host_cell(number, pcpus, pinned=(), siblings=()):
    return objects.NUMACell(
        id=number,
        cpuset=set(),
        pcpuset=set(pcpus),
        memory=4096,
        cpu_usage=0,
        memory_usage=0,
        pinned_cpus=set(pinned),
        siblings=[set(one) for one in siblings],
        mempages=[],
        socket=0,
    )


def node(*cells):
    """Return a compute node, without ``save``."""
    topology = objects.NUMATopology(cells=list(cells))
    return objects.ComputeNode(
        id=1,
        uuid=NODE_UUID,
        host=HOST,
        hypervisor_hostname=NODE,
        numa_topology=topology._to_json(),
        stats={},
    )


def pinned(compute_node):
    """Return the pCPUs that a compute node counts as owned, by node."""
    topology = objects.NUMATopology.obj_from_db_obj(compute_node.numa_topology)
    assert json.loads(compute_node.numa_topology)
    return {one.id: set(one.pinned_cpus) for one in topology.cells}


def is_locked():
    """Return whether Nova's lock on the host's resources is held."""
    return lockutils.internal_fair_lock('compute_resources').is_writer()
