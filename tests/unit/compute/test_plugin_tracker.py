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
"""Resource plug-ins are asked and told where Nova counts itself."""

from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.compute import claims
from nova.compute import resource_tracker
import pytest

from nova_ext.compute import plugin_tracker
from nova_ext.compute import plugins
from tests.unit.compute import fakes

BASE = resource_tracker.ResourceTracker

#: What takes Nova's lock itself; all else is called with it.
LOCKED = ('instance_claim', 'remove_node')


@pytest.fixture
def asked():
    """Return the plug-ins, which mind nothing unless they are told to."""
    found = mock.MagicMock()
    found.__bool__.return_value = True
    found.refusals.return_value = []
    return found


@pytest.fixture
def tracker(asked):
    made = plugin_tracker.PluginTracker(
        fakes.HOST, mock.Mock(), reportclient=mock.Mock()
    )
    made.compute_nodes[fakes.NODE] = fakes.node(fakes.host_cell(0, range(4)))
    made._plugins = asked
    return made


@pytest.fixture
def nova(monkeypatch):
    """Return what Nova's tracker was called with, by name."""
    found = mock.Mock()

    def replace(name):
        def called(self, *args, **kwargs):
            assert fakes.is_locked() == (name in LOCKED)
            return getattr(found, name)(*args, **kwargs)

        monkeypatch.setattr(BASE, name, called)

    for name in (
        'instance_claim',
        '_move_claim',
        '_init_compute_node',
        '_update_usage_from_instances',
        '_report_final_resource_view',
        'remove_node',
        '_update_usage',
        '_update',
    ):
        replace(name)
    return found


def test_a_server_that_the_plugins_do_not_mind(tracker, asked, nova):
    found = tracker.instance_claim(
        'context', fakes.instance(), fakes.NODE, {}, limits={'k': 1}
    )
    assert found is nova.instance_claim.return_value
    nodename, usage, limits = asked.refusals.call_args.args
    assert (nodename, usage.uuid, limits) == (
        fakes.NODE,
        fakes.UUID,
        {'k': 1},
    )


def test_a_server_that_a_plugin_refuses(tracker, asked, nova, monkeypatch):
    """Nova's own reasons come first, as from a claim of Nova's."""
    asked.refusals.return_value = ['no more of it']

    def claim(*args, **kwargs):
        raise nova_exception.ComputeResourcesUnavailable(reason='no cores')

    monkeypatch.setattr(claims, 'Claim', claim)
    instance = fakes.instance(
        pci_requests=objects.InstancePCIRequests(requests=[])
    )
    with pytest.raises(
        nova_exception.ComputeResourcesUnavailable,
        match='no cores; no more of it',
    ):
        tracker.instance_claim('context', instance, fakes.NODE, {})
    nova.instance_claim.assert_not_called()
    assert not fakes.is_locked()


def test_a_server_that_comes_from_elsewhere(tracker, asked, nova, monkeypatch):
    monkeypatch.setattr(claims, 'MoveClaim', mock.Mock())
    instance = fakes.instance()
    move = ('context', instance, instance.flavor, fakes.NODE, 'migration', {})
    with mock.patch(
        'nova.pci.request.get_pci_requests_from_flavor', return_value=[]
    ):
        tracker._move_claim(*move)
        nova._move_claim.assert_called_once_with(
            *move, move_type=None, image_meta=None, limits=None
        )
        asked.refusals.return_value = ['no more of it']
        with pytest.raises(
            nova_exception.ComputeResourcesUnavailable, match='no more of it'
        ):
            tracker._move_claim(*move)
    nova._move_claim.assert_called_once()


def test_what_is_counted_is_told(tracker, asked, nova, monkeypatch):
    monkeypatch.setattr(
        BASE,
        '_get_usage_dict',
        lambda self, thing, instance, **updates: {
            'numa_topology': instance.numa_topology
        },
    )
    instance = fakes.instance()
    usage = tracker._get_usage_dict(instance, instance)
    assert usage[plugins.KEY].uuid == fakes.UUID
    tracker._update_usage(usage, fakes.NODE, sign=-1)
    asked.count.assert_called_once_with(fakes.NODE, usage[plugins.KEY], -1)
    # What Nova counts by itself is no plug-in's business.
    tracker._update_usage({}, fakes.NODE)
    asked.count.assert_called_once()


def test_an_audit_is_told_from_its_start_to_its_end(tracker, asked, nova):
    resources = {'hypervisor_hostname': fakes.NODE}
    node = tracker.compute_nodes[fakes.NODE]
    tracker._init_compute_node('context', resources)
    tracker._update_usage_from_instances('context', [], fakes.NODE)
    tracker._update('context', node, startup=True)
    tracker._report_final_resource_view(fakes.NODE)
    tracker.remove_node(fakes.NODE)
    asked.report.assert_called_once_with(fakes.NODE, resources)
    asked.reset.assert_called_once_with(node)
    asked.write.assert_called_once_with(node)
    asked.report_free.assert_called_once_with(fakes.NODE)
    asked.forget.assert_called_once_with(fakes.NODE)
    nova._update.assert_called_once_with('context', node, startup=True)
