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
"""Nova's own objects, as a scheduler and a compute host have them."""

import datetime
from typing import Any

from nova import objects
from nova.objects import fields
from nova.scheduler import host_manager
from nova.virt import hardware

PCPUS = 64


def compute_node(number: int) -> Any:
    """Return a host with 64 pCPUs on two nodes, 40 of them pinned."""
    half = PCPUS // 2
    topology = objects.NUMATopology(
        cells=[
            objects.NUMACell(
                id=node,
                cpuset=set(),
                pcpuset=set(range(node * half, (node + 1) * half)),
                memory=65536,
                cpu_usage=20,
                memory_usage=1024,
                pinned_cpus=set(range(node * half, node * half + 20)),
                siblings=[
                    {pcpu} for pcpu in range(node * half, (node + 1) * half)
                ],
                mempages=[
                    objects.NUMAPagesTopology(
                        size_kb=4, total=65536 * 256, used=0
                    )
                ],
                network_metadata=objects.NetworkMetadata(
                    physnets=set(), tunneled=False
                ),
            )
            for node in (0, 1)
        ]
    )
    stats = {
        'num_instances': '10',
        'io_workload': '0',
        'failed_builds': '0',
        'num_vm_active': '10',
        'num_task_None': '10',
        'num_os_type_None': '10',
        'vcpu_scale_free': '24',
        'vcpu_scale_used': str(20 + number % 9),
        'vcpu_scale_returnable': '10',
        'vcpu_scale_promised': str(number % 7),
        'vcpu_scale_cells': '{}',
        'realtime_pcpu_limit': '32',
        'realtime_pcpu_used': str(number % 11),
        'compute_unit_total': '160',
        'compute_unit_used': '%d.5' % (number % 99),
    }
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return objects.ComputeNode(
        id=number,
        uuid='00000000-0000-0000-0000-%012d' % number,
        host='host%d' % number,
        hypervisor_hostname='host%d' % number,
        memory_mb=131072,
        memory_mb_used=2048,
        free_ram_mb=129024,
        local_gb=1000,
        local_gb_used=10,
        free_disk_gb=990,
        disk_available_least=990,
        vcpus=PCPUS,
        vcpus_used=40,
        updated_at=now,
        numa_topology=topology._to_json(),
        pci_device_pools=None,
        host_ip='10.0.0.1',
        hypervisor_type='QEMU',
        hypervisor_version=7002000,
        cpu_info='{}',
        supported_hv_specs=[
            objects.HVSpec(arch='x86_64', hv_type='kvm', vm_mode='hvm')
        ],
        stats=stats,
        metrics=None,
        cpu_allocation_ratio=16.0,
        ram_allocation_ratio=1.5,
        disk_allocation_ratio=1.0,
    )


def host_state(compute: Any) -> Any:
    """Return a HostState as the scheduler makes it for each request."""
    state = host_manager.HostState(
        compute.host, compute.hypervisor_hostname, 'cell'
    )
    state.update(compute, {'disabled': False, 'host': compute.host}, [], {})
    state.allocation_candidates = [
        {'mappings': {'': [compute.uuid]}, 'allocations': {}}
    ]
    return state


def flavor() -> Any:
    """Return a flavor that all three plug-ins have to do with."""
    return objects.Flavor(
        id=1,
        flavorid='1',
        name='scalable',
        vcpus=4,
        memory_mb=1024,
        root_gb=10,
        ephemeral_gb=0,
        swap=0,
        extra_specs={
            'hw:cpu_policy': 'dedicated',
            'hw:wrs:min_vcpus': '2',
            'hw:cpu_realtime': 'yes',
            'hw:cpu_realtime_mask': '^0',
            'cu:units': '2.5',
        },
    )


def request_spec() -> Any:
    """Return a request for one such server."""
    image = objects.ImageMeta.from_dict({})
    return objects.RequestSpec(
        flavor=flavor(),
        image=image,
        num_instances=1,
        instance_uuid='10000000-0000-0000-0000-000000000000',
        numa_topology=hardware.numa_get_constraints(flavor(), image),
        pci_requests=None,
        instance_group=None,
        scheduler_hints={},
        requested_resources=[],
        limits=objects.SchedulerLimits(),
        ignore_hosts=None,
        force_hosts=None,
        force_nodes=None,
        requested_destination=None,
        retry=None,
        availability_zone=None,
        request_level_params=objects.RequestLevelParams(),
    )


def instance(number: int) -> Any:
    """Return a pinned instance, every other one scaled down."""
    pins = {vcpu: number * 4 + vcpu for vcpu in range(4)}
    metadata = {}
    if number % 2:
        pins[3] = pins[0]
        metadata = {'nova_ext_offline': '0x8'}
    return objects.Instance(
        uuid='20000000-0000-0000-0000-%012d' % number,
        flavor=flavor(),
        system_metadata=metadata,
        numa_topology=objects.InstanceNUMATopology(
            cells=[
                objects.InstanceNUMACell(
                    id=0,
                    cpuset=set(),
                    pcpuset=set(range(4)),
                    memory=1024,
                    cpu_policy=fields.CPUAllocationPolicy.DEDICATED,
                    cpu_pinning_raw={
                        str(vcpu): pcpu for vcpu, pcpu in pins.items()
                    },
                    cpuset_reserved=None,
                    cpu_thread_policy=None,
                ),
            ]
        ),
    )
