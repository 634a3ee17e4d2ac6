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
"""Which hosts can start a real-time server with shared emulator threads."""

import logging

from nova import objects
import pytest

from nova_ext.scheduler import shared_cpus
from tests.unit.scheduler import fakes

SHARE = {'hw:cpu_realtime': 'yes', 'hw:emulator_threads_policy': 'share'}


def host(name, *shared):
    found = fakes.host(name)
    found.numa_topology = objects.NUMATopology(
        cells=[
            objects.NUMACell(id=number, cpuset=cpus, pcpuset={2, 3})
            for number, cpus in enumerate(shared)
        ]
    )
    return found


def names(hosts, **specs):
    kind = shared_cpus.SharedCpusFilter()
    return [one.host for one in kind.filter_all(hosts, fakes.spec(**specs))]


@pytest.fixture
def hosts():
    return [
        host('none', set(), set()),
        host('one', set(), {0}),
        fakes.host('unknown'),
    ]


def test_only_hosts_with_shared_cpus(hosts, caplog):
    caplog.set_level(logging.DEBUG, 'nova_ext.scheduler.shared_cpus')
    assert names(hosts, **SHARE) == ['one']
    assert 'it has no [compute]cpu_shared_set, which' in caplog.text


@pytest.mark.parametrize(
    'changes',
    [
        {'hw:cpu_realtime': 'no'},
        {'hw:emulator_threads_policy': 'isolate'},
        {'hw:emulator_threads_policy': ''},
    ],
)
def test_all_hosts_for_all_other_servers(hosts, changes):
    assert len(names(hosts, **{**SHARE, **changes})) == len(hosts)


def test_a_rebuild_passes(hosts):
    spec = fakes.spec(hints={'_nova_check_type': ['rebuild']}, **SHARE)
    found = shared_cpus.SharedCpusFilter().filter_all(hosts, spec)
    assert found is hosts
