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
"""One handler a node, and its keys in the stats."""

from types import SimpleNamespace

from nova import objects
import pytest

from nova_ext.compute import plugins
from nova_ext.compute import usage
from tests import distributions
from tests.unit.compute import fakes


@pytest.fixture
def found():
    with distributions.installed(distributions.nova_ext()):
        return plugins.NodePlugins(['compute_unit', 'realtime_pcpu'])


def node(name=fakes.NODE, **stats):
    return SimpleNamespace(
        hypervisor_hostname=name, numa_topology=None, stats=stats
    )


def counted(found, instance, sign=1, name=fakes.NODE):
    found.count(
        name,
        usage.usage_of(instance, instance.flavor, instance.numa_topology),
        sign,
    )


def test_without_names_there_is_nothing(monkeypatch):
    found = plugins.NodePlugins([])
    compute_node = node(mine='1')
    found.write(compute_node)
    found.forget(fakes.NODE)
    assert not found
    assert compute_node.stats == {'mine': '1'}


def test_nodes_are_kept_apart(found):
    one, two = node('one', mine='1'), node('two')
    for each, vcpus in ((one, 4), (two, 8)):
        found.report(each.hypervisor_hostname, {'vcpus': vcpus})
        found.reset(each)
    instance = fakes.instance(specs={'cu:units': '2.5'})
    counted(found, instance, name='one')
    found.write(one)
    found.write(two)
    assert one.stats['mine'] == '1'
    assert one.stats['compute_unit_total'] == '4'
    assert one.stats['compute_unit_used'] == '2.5'
    assert two.stats['compute_unit_total'] == '8'
    assert two.stats['compute_unit_used'] == '0'
    counted(found, instance, -1, name='one')
    found.write(one)
    assert one.stats['compute_unit_used'] == '0'


def test_nothing_is_written_before_the_first_audit(found):
    compute_node = node()
    found.write(compute_node)
    counted(found, fakes.instance())
    assert compute_node.stats == {}
    assert found.refusals(fakes.NODE, None, {}) == []


def test_keys_that_are_not_written_any_more_go(found, monkeypatch):
    compute_node = node(mine='1')
    found.reset(compute_node)
    found.write(compute_node)
    handler = found._handlers[fakes.NODE]
    monkeypatch.setattr(handler, 'write', lambda: {'compute_unit_used': '0'})
    found.write(compute_node)
    assert compute_node.stats == {'mine': '1', 'compute_unit_used': '0'}


def test_refusals_are_only_those_that_refuse(found):
    found.report(fakes.NODE, {'vcpus': 2})
    found.reset(node())
    instance = fakes.instance(specs={'cu:units': '3'})
    request = usage.request_of(
        instance, instance.flavor, instance.numa_topology
    )
    assert found.refusals(fakes.NODE, request, {}) == [
        'compute_unit: free 2 < requested 3'
    ]


def test_a_node_that_has_gone_is_forgotten(found):
    found.reset(node())
    found.forget(fakes.NODE)
    compute_node = node()
    found.write(compute_node)
    assert compute_node.stats == {}


def test_stats_are_such_as_nova_takes(found):
    found.reset(node())
    compute_node = objects.ComputeNode(
        hypervisor_hostname=fakes.NODE, stats={'a': 'b'}
    )
    found.write(compute_node)
    assert compute_node.stats['compute_unit_used'] == '0'
