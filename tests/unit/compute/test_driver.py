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
"""The driver joins Nova's life to the serving of scale requests."""

import inspect
from unittest import mock

from nova import rpc
from nova.virt.libvirt import driver as nova_driver
import pytest

from nova_ext.compute import driver
from nova_ext.compute import endpoint
from nova_ext.compute import guest_config
from nova_ext.compute import libvirt_guest
from nova_ext.compute import live_migration
from nova_ext.compute import stranded
from nova_ext.compute import tracker
from nova_ext.compute import virt_shim
from nova_ext.conf import CONF
from nova_ext.scaling import announcements

BASE = nova_driver.LibvirtDriver


@pytest.fixture
def did(monkeypatch):
    """Return what Nova's driver and the RPC server did, in order."""
    found = mock.Mock()
    for name in ('init_host', 'cleanup_host', '_get_guest_config'):
        monkeypatch.setattr(BASE, name, getattr(found, name))
    monkeypatch.setattr(rpc, 'get_server', found.get_server)
    monkeypatch.setattr(guest_config, 'adapt', found.adapt)
    monkeypatch.setattr(announcements, 'Announcements', found.announcements)
    monkeypatch.setattr(BASE, '_handle_conn_event', found.conn_event)
    monkeypatch.setattr(libvirt_guest, 'watch_reboots', found.watch_reboots)
    return found


@pytest.fixture
def made():
    """Return a driver, without the libvirt that Nova's would look for."""
    with mock.patch.object(BASE, '__init__', return_value=None):
        found = driver.LibvirtDriver(mock.Mock())
    found.virtapi = mock.Mock()
    return found


def test_nova_finds_the_driver_below_its_own_name():
    assert virt_shim.LibvirtDriver is driver.LibvirtDriver
    assert issubclass(driver.LibvirtDriver, BASE)


@pytest.mark.parametrize(
    'name', [name for name in vars(driver.LibvirtDriver) if name[0] != '_']
)
def test_it_takes_what_novas_driver_takes(name):
    """As Nova's own tests want it of each driver."""
    ours = inspect.getfullargspec(getattr(driver.LibvirtDriver, name))
    assert ours[:-1] == inspect.getfullargspec(getattr(BASE, name))[:-1]


def test_the_host_starts_before_it_serves(did, made):
    nova_rt = made.virtapi._compute.rt
    made.init_host('host1')
    manager = made.virtapi._compute
    assert manager.rt is not nova_rt
    assert isinstance(manager.rt, tracker.ResourceTracker)
    assert manager.rt.host == 'host1'
    assert manager.rt.driver is made
    assert manager.rt.reportclient is manager.reportclient
    names = [call[0] for call in did.mock_calls]
    assert names == [
        'init_host',
        'get_server',
        'get_server().start',
        'watch_reboots',
        'announcements',
        'announcements().start',
    ]
    target, endpoints = did.get_server.call_args.args
    assert (target.topic, target.server) == (CONF.nova_ext.topic, 'host1')
    (served,) = endpoints
    assert isinstance(served, endpoint.ScalingEndpoint)


def test_the_audit_hands_unfinished_requests_to_the_scaler(did, made):
    made.init_host('host1')
    tracked = made.virtapi._compute.rt
    assert tracked._recover == made._scaler.recover
    assert tracked._watch == made._watch.audited


def test_a_new_connection_to_libvirt_tells_of_resets_too(did, made):
    made._handle_conn_event(True, None)
    made.init_host('host1')
    did.reset_mock()
    made._handle_conn_event(False, 'lost')
    made._handle_conn_event(True, None)
    names = [call[0] for call in did.mock_calls]
    assert names == ['conn_event', 'conn_event', 'watch_reboots']
    assert did.watch_reboots.call_args.args == (made, made._watch.rebooted)


def test_a_driver_of_another_process_serves_nothing(did, made):
    made.virtapi = object()
    made.init_host('host1')
    made.cleanup_host('host1')
    names = [call[0] for call in did.mock_calls]
    assert names == ['init_host', 'cleanup_host']


def test_serving_ends_before_the_host_does(did, made):
    made.init_host('host1')
    made._scaler = did.scaler
    did.reset_mock()
    made.cleanup_host('host1')
    names = [call[0] for call in did.mock_calls]
    assert names[:2] == ['announcements().stop', 'get_server().stop']
    assert names[-1] == 'cleanup_host'
    assert names.index('scaler.wait') < names.index('cleanup_host')


def test_a_host_that_never_started_ends_too(did, made):
    made.cleanup_host('host1')
    assert [call[0] for call in did.mock_calls] == ['cleanup_host']


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('_get_guest_config', ('instance',)),
        ('_destroy', ('instance',)),
        ('check_can_live_migrate_source', ('c', 'instance', 'data', 'disks')),
    ],
)
def test_overwritten_pins_are_put_back_first(
    did, made, monkeypatch, name, arguments
):
    monkeypatch.setattr(BASE, name, getattr(did, name))
    made._tracker = did.tracker
    getattr(made, name)(*arguments)
    names = [call[0] for call in did.mock_calls]
    assert names.index('tracker.restore') < names.index(name)
    did.tracker.restore.assert_called_once_with('instance')
    getattr(did, name).assert_called_once_with(*arguments)


def test_an_older_copy_powers_nothing_down_that_has_gone(
    did, made, monkeypatch
):
    name = 'post_live_migration_at_source'
    monkeypatch.setattr(BASE, name, getattr(did, name))
    made._tracker = did.tracker
    made.post_live_migration_at_source('c', 'instance', 'net')
    assert did.mock_calls == [
        mock.call.tracker.restore('instance'),
        mock.call.post_live_migration_at_source('c', 'instance', 'net'),
    ]


def test_a_cut_off_move_is_finished_before_a_domain_is_made(
    did, made, monkeypatch
):
    monkeypatch.setattr(BASE, '_get_guest_config', did.config)
    made._tracker = did.tracker
    made._get_guest_config('instance')
    first = did.mock_calls[0]
    assert first == mock.call.tracker.finish_move('instance')


def test_the_destination_of_a_live_migration_parks(did, made, monkeypatch):
    monkeypatch.setattr(BASE, 'post_claim_migrate_data', did.nova)
    monkeypatch.setattr(live_migration, 'park', did.park)
    data = made.post_claim_migrate_data('c', 'instance', 'data', mock.Mock())
    assert data is did.nova.return_value
    info, instance, _ = did.park.call_args.args
    assert (info, instance) == (data.dst_numa_info, 'instance')


def test_the_source_migrates_what_stands_for_the_guest(did, made, monkeypatch):
    monkeypatch.setattr(BASE, '_live_migration_operation', did.nova)
    monkeypatch.setattr(live_migration, 'migrating', lambda *args: args)
    made._live_migration_operation('c', 'i', 'dest', False, 'd', 'guest', [])
    did.nova.assert_called_once_with(
        'c', 'i', 'dest', False, 'd', ('guest', 'c', 'i'), []
    )


def test_audits_know_of_a_live_migration_to_its_end(did, made, monkeypatch):
    made.init_host('host1')
    known = []
    monkeypatch.setattr(
        stranded, 'settle', lambda *args: known.append(set(args[-1]))
    )
    rt = made.virtapi._compute.rt
    rt.compute_nodes['node1'] = mock.Mock()
    rt.tracked_instances.add('here')
    monkeypatch.setattr(
        BASE, 'live_migration', lambda *args: rt._settle_moves('ctxt', 'node1')
    )
    data = mock.Mock(migration=mock.Mock(uuid='move'))
    made.live_migration('ctxt', 'server', 'host2', None, None, False, data)
    rt._settle_moves('ctxt', 'node1')
    assert known == [{'here', 'move'}, {'here'}]


@pytest.mark.parametrize('more', [{}, {'share_info': 'shares'}])
def test_a_revert_ends_where_the_server_starts(did, made, monkeypatch, more):
    """Before Nova 34, it has no shares."""
    made.init_host('host1')
    calls = mock.Mock()
    rt = made.virtapi._compute.rt
    monkeypatch.setattr(rt, 'finish_revert', calls.ended)
    monkeypatch.setattr(BASE, 'finish_revert_migration', calls.started)
    arguments = ('ctxt', 'server', 'network', 'move', 'disks', False)
    made.finish_revert_migration(*arguments, **more)
    assert calls.mock_calls == [
        mock.call.ended('ctxt', 'move'),
        mock.call.started(*arguments, **more),
    ]


def test_novas_xml_is_adapted(did, made):
    guest = made._get_guest_config('instance', 'network', disk_info=1)
    assert guest is did._get_guest_config.return_value
    did._get_guest_config.assert_called_once_with(
        'instance', 'network', disk_info=1
    )
    did.adapt.assert_called_once_with(guest, 'instance')


@pytest.mark.parametrize('evacuate', [False, True])
def test_a_rebuild_knows_nothing_of_a_move_that_failed(made, evacuate):
    instance = mock.Mock()
    with pytest.raises(NotImplementedError):
        made.rebuild(
            mock.sentinel.context,
            instance,
            image_meta=None,
            injected_files=[],
            admin_password='',
            allocations={},
            bdms=[],
            detach_block_devices=None,
            attach_block_devices=None,
            evacuate=evacuate,
        )
    assert instance.drop_migration_context.called is not evacuate
