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
import gc  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from nova import objects  # noqa: E402
from nova.scheduler import filters  # noqa: E402
from nova.scheduler import host_manager  # noqa: E402
from nova.scheduler import weights  # noqa: E402

from nova_ext.compute import usage  # noqa: E402
from nova_ext.conf import CONF  # noqa: E402
from nova_ext.resources import handler as resource_handler  # noqa: E402
from nova_ext.resources.host import Host  # noqa: E402
from nova_ext.resources.host import HostCell  # noqa: E402
from nova_ext.scheduler import filters as our_filters  # noqa: E402
from nova_ext.scheduler import hosts as seam  # noqa: E402
from nova_ext.scheduler import weights as our_weights  # noqa: E402
from tests import distributions  # noqa: E402
from tests.perf import nova_objects  # noqa: E402

NAMES = ['vcpu_scale', 'realtime_pcpu', 'compute_unit']
#: Ours, in percent of Nova's own pass.
TARGET_PERCENT = 1.0
#: Microseconds for each instance and plug-in on a compute host.
TARGET_INSTANCE = 10.0
#: How much more a host may cost among ten times as many.
TARGET_GROWTH = 1.3


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
    computes = [nova_objects.compute_node(number) for number in range(count)]
    spec = nova_objects.request_spec()
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
    hosts = [nova_objects.host_state(compute) for compute in computes]

    def create() -> None:
        hosts[:] = [nova_objects.host_state(compute) for compute in computes]

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

    spec = nova_objects.request_spec()
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
    instances = [nova_objects.instance(number) for number in range(500)]

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
