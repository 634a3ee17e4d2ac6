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
"""What plug-ins cost, beside what Nova itself costs, in one run.

    python -m tests.perf.bench_resources [HOSTS ...]

Figures are CPU time, microseconds for each host of one scheduler pass, and
for each instance and plug-in on a compute host; the median of some rounds.
The process ends with 1 if a target is missed.
"""

import os

os.environ.setdefault('OS_NOVA_DISABLE_EVENTLET_PATCHING', 'true')

import argparse  # noqa: E402 (Nova chooses its threading at import)
from collections.abc import Callable  # noqa: E402
import datetime  # noqa: E402
import gc  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from nova import objects  # noqa: E402
from nova.objects import fields  # noqa: E402
from nova.scheduler import filters  # noqa: E402
from nova.scheduler import host_manager  # noqa: E402
from nova.scheduler import weights  # noqa: E402
from nova.virt import hardware  # noqa: E402

from nova_ext.compute import usage  # noqa: E402
from nova_ext.conf import CONF  # noqa: E402
from nova_ext.resources import handler as resource_handler  # noqa: E402
from nova_ext.resources.host import Host  # noqa: E402
from nova_ext.resources.host import HostCell  # noqa: E402
from nova_ext.scheduler import filters as our_filters  # noqa: E402
from nova_ext.scheduler import hosts as seam  # noqa: E402
from nova_ext.scheduler import weights as our_weights  # noqa: E402
from tests import distributions  # noqa: E402

NAMES = ['vcpu_scale', 'realtime_pcpu', 'compute_unit']
#: Ours, in percent of Nova's own pass.
TARGET_PERCENT = 1.0
#: Microseconds for each instance and plug-in on a compute host.
TARGET_INSTANCE = 10.0
#: How much more a host may cost among ten times as many.
TARGET_GROWTH = 1.3
PCPUS = 64


def main() -> int:
    """Print all figures; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('hosts', type=int, nargs='*', default=[1000, 10000])
    parser.add_argument('--rounds', type=int, default=5)
    found = parser.parse_args()
    CONF([], project='nova', default_config_files=[])
    objects.register_all()
    good = True
    with distributions.installed(distributions.nova_ext()):
        costs = [bench_pass(count, found.rounds) for count in found.hosts]
        good &= all(percent < TARGET_PERCENT for _, percent in costs)
        if len(costs) > 1:
            growth = costs[-1][0] / costs[0][0]
            print('growth from first to last: %.2f' % growth)
            good &= growth < TARGET_GROWTH
        good &= bench_compute(found.rounds) < TARGET_INSTANCE
    print('targets met' if good else 'TARGET MISSED')
    return 0 if good else 1


# -- the scheduler ---------------------------------------------------------


def bench_pass(count: int, rounds: int) -> tuple[float, float]:
    """Return what ours costs a host, and that in percent of Nova's pass."""
    computes = [compute_node(number) for number in range(count)]
    spec = request_spec()
    filter_handler = filters.HostFilterHandler()
    weight_handler = weights.HostWeightHandler()
    nova_filters = [
        cls()
        for cls in filter_handler.get_matching_classes(
            ['nova.scheduler.filters.all_filters']
        )
        if cls.__name__ in FILTERS
    ]
    nova_weighers = [
        cls()
        for cls in weight_handler.get_matching_classes(
            ['nova.scheduler.weights.all_weighers']
        )
    ]
    for each in nova_filters:
        if hasattr(each, 'servicegroup_api'):
            each.servicegroup_api.service_is_up = lambda service: True
    hosts = [host_state(compute) for compute in computes]

    def create() -> None:
        hosts[:] = [host_state(compute) for compute in computes]

    def filtered(chosen: list[Any]) -> Any:
        found = filter_handler.get_filtered_objects(chosen, hosts, spec)
        assert len(found) == count, len(found)
        return found

    def weighed(chosen: list[Any]) -> Any:
        return weight_handler.get_weighed_objects(chosen, hosts, spec)

    numa = [
        each
        for each in nova_filters
        if type(each).__name__ == 'NUMATopologyFilter'
    ]
    nova_rounds = max(rounds if count <= 2000 else 1, 1)
    nova = {
        'create and update HostStates': measure(create, count, nova_rounds),
        "Nova's filters": measure(
            lambda: filtered(nova_filters), count, nova_rounds
        ),
        "Nova's weighers": measure(
            lambda: weighed(nova_weighers), count, nova_rounds
        ),
    }
    print('%d hosts, microseconds of CPU for each' % count)
    show(nova)
    print(
        '  %-44s %9.2f'
        % (
            '(NUMATopologyFilter alone)',
            measure(lambda: filtered(numa), count, nova_rounds),
        )
    )
    whole = sum(nova.values())
    print('  %-44s %9.2f' % ("Nova's whole pass", whole))
    ours = bench_ours(filtered, weighed, hosts, count, rounds, spec, NAMES)
    show(ours)
    cost = sum(ours.values())
    percent = 100 * cost / whole
    print('  %-44s %9.2f  %.2f %% of the pass' % ('ours', cost, percent))
    empty = bench_ours(filtered, weighed, hosts, count, rounds, spec, [])
    idle = bench_idle(filter_handler, weight_handler, hosts, count, rounds)
    print(
        '  %-44s %9.2f  (classes of Nova\'s that do nothing: %.2f)'
        % ('ours configured, with empty options', sum(empty.values()), idle)
    )
    return cost, percent


FILTERS = (
    'ComputeFilter',
    'ComputeCapabilitiesFilter',
    'ImagePropertiesFilter',
    'ServerGroupAntiAffinityFilter',
    'ServerGroupAffinityFilter',
    'NUMATopologyFilter',
    'PciPassthroughFilter',
)


def bench_ours(
    filtered: Callable[[list[Any]], Any],
    weighed: Callable[[list[Any]], Any],
    hosts: list[Any],
    count: int,
    rounds: int,
    spec: Any,
    names: list[str],
) -> dict[str, float]:
    """Return what the filters and the weigher cost with these consumers."""
    CONF.set_override('scheduler_consumers', names)
    seam.forget()
    reader = our_filters.ResourceConsumerFilter()
    fit = our_filters.ResourceFitFilter()
    weigher = our_weights.ResourceWeigher()

    def fresh() -> None:
        spec.__dict__.pop('nova_ext_request', None)
        for host in hosts:
            host.__dict__.pop('nova_ext_states', None)
            host.__class__ = host_manager.HostState

    costs = {
        'ResourceConsumerFilter': measure(
            lambda: filtered([reader]), count, rounds, fresh
        ),
        'ResourceFitFilter': measure(lambda: filtered([fit]), count, rounds),
        'ResourceWeigher': measure(lambda: weighed([weigher]), count, rounds),
    }
    return costs


def bench_idle(
    filter_handler: Any,
    weight_handler: Any,
    hosts: list[Any],
    count: int,
    rounds: int,
) -> float:
    """Return what two filters and a weigher cost that do nothing."""

    class Idle(filters.BaseHostFilter):
        def filter_all(self, found: Any, spec: Any) -> Any:
            return found

    class IdleWeigher(weights.BaseHostWeigher):
        def weigh_objects(self, found: Any, spec: Any) -> Any:
            return [0.0] * len(found)

        def _weigh_object(self, found: Any, spec: Any) -> float:
            return 0.0

    spec = request_spec()
    idle, weigher = Idle(), IdleWeigher()
    return 2 * measure(
        lambda: filter_handler.get_filtered_objects([idle], hosts, spec),
        count,
        rounds,
    ) + measure(
        lambda: weight_handler.get_weighed_objects([weigher], hosts, spec),
        count,
        rounds,
    )


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


# -- a compute host --------------------------------------------------------


def bench_compute(rounds: int) -> float:
    """Return microseconds for each instance and plug-in of an audit."""
    plugins = resource_handler.load(NAMES)
    handler = resource_handler.ResourceHandler(plugins)
    host = Host(
        'host',
        tuple(
            HostCell(node, frozenset(range(node * 2000, node * 2000 + 2000)))
            for node in (0, 1)
        ),
    )
    instances = [instance(number) for number in range(500)]

    def audit() -> None:
        handler.reset(host)
        for each in instances:
            handler.add(usage.usage_of(each, each.flavor, each.numa_topology))

    usages = [
        usage.usage_of(each, each.flavor, each.numa_topology)
        for each in instances
    ]

    def write() -> None:
        for _ in range(100):
            handler.write()

    def add_and_remove() -> None:
        handler.reset(host)
        for each in usages:
            handler.add(each)
        for each in usages:
            handler.remove(each)

    count = len(instances)
    translated = measure(
        lambda: [
            usage.usage_of(each, each.flavor, each.numa_topology)
            for each in instances
        ],
        count,
        rounds,
    )
    whole = measure(audit, count, rounds) / len(NAMES)
    print('a compute host, microseconds of CPU')
    show(
        {
            'translate an instance, once for all plug-ins': translated,
            'add and remove, each plug-in': measure(
                add_and_remove, count, rounds
            )
            / len(NAMES),
            'write all stats, each claim': measure(write, 100, rounds),
            'audit, each instance and plug-in': whole,
        }
    )
    return whole


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


# -- measuring -------------------------------------------------------------


def measure(
    work: Callable[[], Any],
    count: int,
    rounds: int,
    before: Callable[[], None] | None = None,
) -> float:
    """Return the median CPU time of some work, microseconds for each."""
    costs = []
    for _ in range(rounds):
        if before:
            before()
        gc.collect()
        start = time.process_time()
        work()
        costs.append((time.process_time() - start) * 1e6 / count)
    return statistics.median(costs)


def show(costs: dict[str, float]) -> None:
    """Print costs."""
    for name, cost in costs.items():
        print('  %-44s %9.2f' % (name, cost))


if __name__ == '__main__':
    sys.exit(main())
