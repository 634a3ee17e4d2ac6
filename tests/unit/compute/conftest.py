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
import copy
from unittest import mock

from nova import objects
from nova import rpc
from oslo_config import fixture as config_fixture
from oslo_log import log
import pytest

from nova_ext.compute import tracker as trackers
from nova_ext.conf import CONF
from tests.unit.compute import fakes


@pytest.fixture(autouse=True)
def nova_in_process(monkeypatch):
    """Give Nova's classes what they need to be made."""
    objects.register_all()
    if 'debug' not in CONF:
        log.register_options(CONF)
    CONF([], project='nova', default_config_files=[])
    monkeypatch.setattr(rpc, 'NOTIFIER', mock.Mock())
    monkeypatch.setattr(rpc, 'LEGACY_NOTIFIER', mock.Mock())
    yield
    CONF.reset()


@pytest.fixture
def config():
    """Return a function that sets options for the time of the test."""
    with config_fixture.Config(CONF) as fixture:
        yield fixture.config


@pytest.fixture
def saves(monkeypatch):
    """Return what is saved of instances, and let tests break it.

    Each save is (expected states, changed fields); an exception put into
    ``saves.errors`` is raised instead, the first one first.
    """
    found = Saves()
    monkeypatch.setattr(
        objects.Instance,
        'save',
        lambda instance, **expected: found.save(instance, expected),
    )
    return found


@pytest.fixture
def row(monkeypatch, saves):
    """Return the fields of what is read afresh, as saved last.

    Tests may change them; an ``error`` among them is raised.
    """

    def read(context, uuid, expected_attrs):
        if 'error' in saves.row:
            raise saves.row['error']
        return fakes.instance(**{'uuid': uuid, **saves.row})

    monkeypatch.setattr(objects.Instance, 'get_by_uuid', read)
    return saves.row


class Saves(list):
    """The saves of all instances, in order."""

    def __init__(self):
        super().__init__()
        self.errors = []
        self.row = {}

    def save(self, instance, expected):
        if self.errors:
            raise self.errors.pop(0)
        self.append((expected, instance.obj_what_changed()))
        for name in ('task_state', 'numa_topology', 'system_metadata'):
            self.row[name] = copy.deepcopy(getattr(instance, name))
        instance.obj_reset_changes()


@pytest.fixture
def tracker(monkeypatch):
    """Return the tracker of a node with ten cores, 4 to 7 of them claimed."""
    monkeypatch.setattr(objects.ComputeNode, 'save', lambda node: None)
    made = trackers.ResourceTracker(
        fakes.HOST, mock.Mock(), reportclient=mock.Mock()
    )
    node = fakes.node(fakes.host_cell(0, range(10), pinned={4, 5, 6, 7}))
    made.compute_nodes[fakes.NODE] = node
    made._resource_change(node)
    made.reportclient.get_allocs_for_consumer.side_effect = lambda *args: {
        'allocations': {
            'old host': {'resources': {'PCPU': 3}},
            node.uuid: {'resources': {'PCPU': 4}},
        }
    }
    return made
