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
from unittest import mock

from nova import objects
from nova import rpc
import pytest

from nova_ext import exception
from nova_ext.compute import announce
from nova_ext.compute import topology
from tests.unit.compute import fakes

NOTHING = (
    'architecture',
    'auto_disk_config',
    'availability_zone',
    'created_at',
    'deleted_at',
    'display_description',
    'display_name',
    'hostname',
    'kernel_id',
    'key_name',
    'launched_at',
    'os_type',
    'power_state',
    'progress',
    'ramdisk_id',
    'reservation_id',
    'terminated_at',
    'updated_at',
)


@pytest.fixture
def instance():
    """An instance with all that a notification says, and nothing to load."""
    flavor = fakes.flavor()
    flavor.disabled, flavor.is_public = False, True
    flavor.rxtx_factor, flavor.vcpu_weight = 1.0, 0
    flavor.projects, flavor.description = [], None
    cache = objects.InstanceInfoCache(network_info=None)
    return fakes.instance(
        flavor=flavor,
        metadata={},
        info_cache=cache,
        **{**dict.fromkeys(NOTHING), 'auto_disk_config': False},
    )


@pytest.fixture
def sent(config, monkeypatch):
    """Return what was sent: priority, event type and payload fields."""
    config(group='notifications', notification_format='versioned')
    found = []

    class Notifier:
        def is_enabled(self):
            return True

        def prepare(self, publisher_id):
            assert publisher_id == 'nova-compute:host1'
            return self

        def info(self, context, event_type, payload):
            found.append(('info', event_type, payload['nova_object.data']))

        def error(self, context, event_type, payload):
            found.append(('error', event_type, payload['nova_object.data']))

    config(host='host1')
    monkeypatch.setattr(rpc, 'NOTIFIER', Notifier())
    return found


def test_start_and_end(sent, instance):
    with announce.scaling(fakes.admin(), instance):
        layout = topology.layout_of(instance.numa_topology, {1})
        assert layout.offline == frozenset()
        instance.numa_topology = objects.InstanceNUMATopology(
            cells=[fakes.cell({0: 10, 1: 10})]
        )
        instance.system_metadata = {'nova_ext_offline': '0x2'}
    told = [(one[0], one[1], one[2]['online_vcpus']) for one in sent]
    assert told == [
        ('info', 'instance.scale.start', 2),
        ('info', 'instance.scale.end', 1),
    ]
    assert sent[0][2]['uuid'] == instance.uuid
    assert sent[0][2]['fault'] is None


def test_a_failure(sent, instance):
    error = exception.GuestSilent(timeout=1)
    with pytest.raises(exception.GuestSilent):
        with announce.scaling(fakes.admin(), instance):
            raise error
    assert [one[:2] for one in sent] == [
        ('info', 'instance.scale.start'),
        ('error', 'instance.scale.error'),
    ]
    fault = sent[1][2]['fault']['nova_object.data']
    assert fault['exception'] == 'GuestSilent'


def test_what_cannot_be_sent_stops_nothing(sent, instance, caplog):
    with mock.patch.object(announce, '_notify', side_effect=OSError('away')):
        with announce.scaling(fakes.admin(), instance):
            pass
    assert 'instance.scale.end was not sent' in caplog.text


def test_nothing_is_told_unless_the_operator_wants_it(sent, instance, config):
    config(group='notifications', notification_format='unversioned')
    with announce.scaling(fakes.admin(), instance):
        pass
    assert sent == []


@pytest.fixture
def action(monkeypatch):
    """Return the starts and ends that instance actions were told of."""
    told = []
    event = objects.InstanceActionEvent

    def start(context, uuid, name, **kwargs):
        told.append((name, kwargs['host']))

    def finish(context, uuid, name, exc_val, **kwargs):
        if told[0][1] == 'lost':
            raise OSError('no database')
        told.append((name, exc_val))

    monkeypatch.setattr(event, 'event_start', start)
    monkeypatch.setattr(event, 'event_finish_with_failure', finish)
    return told


def test_an_action_hears_how_its_request_ended(action):
    with announce.ActionEvent(fakes.admin(), 'host1', fakes.UUID):
        pass
    error = exception.GuestSilent(timeout=1)
    with pytest.raises(exception.GuestSilent):
        with announce.ActionEvent(fakes.admin(), 'host1', fakes.UUID):
            raise error
    start = ('compute_scale_instance', 'host1')
    ends = [('compute_scale_instance', one) for one in (None, error)]
    assert action == [start, ends[0], start, ends[1]]


def test_a_request_ends_as_it_does_where_the_action_cannot_be_told(
    action, caplog
):
    with announce.ActionEvent(fakes.admin(), 'lost', fakes.UUID):
        pass
    with pytest.raises(exception.GuestSilent):
        with announce.ActionEvent(fakes.admin(), 'lost', fakes.UUID):
            raise exception.GuestSilent(timeout=1)
    text = 'the end of its instance action was not saved'
    assert caplog.text.count(text) == 2
