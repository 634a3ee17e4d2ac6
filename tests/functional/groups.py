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
"""Hosts with guests in server groups, and copies of the messaging service."""

from collections.abc import Callable
import json
import pathlib
import tempfile
import threading
from typing import Any

import fixtures
from nova import rpc
from oslo_config import cfg
import oslo_messaging as messaging

from nova_ext.conf import CONF
from nova_ext.conf import channel as channel_conf
from nova_ext.conf import groups as groups_conf
from nova_ext.groups import members
from nova_ext.groups import relay_process
from nova_ext.groups import service_process
from nova_ext.wire import server_group
from tests.functional import base
from tests.functional.fakes import programs
from tests.unit import polling
from tests.unit.channel import fakes

GROUP_POLICY = 'soft-anti-affinity'


class Notifier:
    """Sends Nova's versioned notifications also to a real listener."""

    def __init__(self, fake: Any, publisher: str = '') -> None:
        self._fake = fake
        self._real = messaging.Notifier(
            messaging.get_notification_transport(CONF, url='fake:/'),
            publisher_id=publisher,
            driver='messagingv2',
            serializer=rpc.RequestContextSerializer(
                rpc.JsonPayloadSerializer()
            ),
            topics=['versioned_notifications'],
        )

    def prepare(self, publisher_id: str) -> 'Notifier':
        return Notifier(self._fake.prepare(publisher_id), publisher_id)

    def is_enabled(self) -> bool:
        return True

    def __getattr__(self, priority: str) -> Any:
        def send(context: Any, event_type: str, payload: Any) -> None:
            getattr(self._fake, priority)(context, event_type, payload)
            getattr(self._real, priority)(context, event_type, payload)

        return send


class Guest:
    """A guest's server-group program, as it sees the channel."""

    def __init__(self, qemu: fakes.FakeQemu) -> None:
        self.qemu = qemu

    def say(self, data: Any) -> None:
        """Send a message's data to the host."""
        address = server_group.ADDRESS
        self.qemu.say(address, json.dumps(data), address)

    def hear(self) -> Any:
        """Return the next message's data, as old guests can read it."""
        message = self.qemu.message()
        assert message.source_addr == server_group.ADDRESS
        assert message.dest_addr == server_group.ADDRESS
        data = json.loads(message.payload)
        assert server_group.guest_size(data) < server_group.MAX_DATAGRAM
        return data

    def status(self, seq: int = 1) -> list[dict[str, Any]]:
        """Ask for the status of all servers; skip what else comes."""
        self.say(server_group.status_query(seq))
        servers = []
        while True:
            data = self.hear()
            if data.get('seq') != seq:
                continue
            if data['msg_type'] == server_group.STATUS_DONE:
                return servers
            servers.append(data['data'])

    def events(self) -> list[dict[str, Any]]:
        """Return what was heard until now, in order, but status answers."""
        self.say(server_group.status_query(99))
        heard = []
        while True:
            data = self.hear()
            if data['msg_type'] == server_group.STATUS_DONE:
                return heard
            if data['msg_type'] != server_group.STATUS_RESPONSE:
                heard.append(data)

    def broadcasts(self) -> list[dict[str, Any]]:
        """Return the broadcasts that were heard until now, in order."""
        kind = server_group.BROADCAST
        return [one for one in self.events() if one['msg_type'] == kind]

    def hears(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Return all that is heard up to the first that is wanted."""
        heard = [self.hear()]
        while not wanted(heard[-1]):
            heard.append(self.hear())
        return heard

    def hears_until(self, *event_types: str) -> list[dict[str, Any]]:
        """Return all notifications up to where each of these types has come,
        in whatever order: two copies of the service keep none."""
        kind = server_group.NOTIFICATION
        missing = set(event_types)

        def was_last(data: Any) -> bool:
            if data['msg_type'] == kind:
                missing.discard(data['data']['event_type'])
            return not missing

        heard = self.hears(was_last)
        return [one['data'] for one in heard if one['msg_type'] == kind]


class GroupsTestBase(base.ScalingTestBase):
    """Two hosts, each with the real channel daemon and relay."""

    # The service's messages to relays wait for nobody.
    CAST_AS_CALL = False

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='gr-', dir='/tmp'))
        self.addCleanup(self.folder.rmdir)
        self.copies: list[service_process.ServiceProcess] = []
        self.copy_threads: list[threading.Thread] = []
        self.relays: dict[str, relay_process.RelayProcess] = {}
        notifier = Notifier(self.notifier.fake_versioned_notifier)
        self.useFixture(fixtures.MonkeyPatch('nova.rpc.NOTIFIER', notifier))
        self.flags(
            notify_on_state_change='vm_and_task_state', group='notifications'
        )
        self.qemus: dict[str, fakes.FakeQemu] = {}

    def start_copy(self, name: str) -> service_process.ServiceProcess:
        """Start a copy of nova-ext-groups."""
        made = service_process.ServiceProcess(
            CONF, name, members.NovaMembership(), members.buses()
        )
        self.copies.append(made)
        self.copy_threads.append(programs.run(self, made))
        return made

    def start_relay(self, host: str) -> None:
        """Start the channel daemon and the relay of a host."""
        folder = self.folder / host
        folder.mkdir()
        self.addCleanup(fakes.clean, folder)
        daemon = fakes.running(fakes.settings(folder))
        daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        conf = cfg.ConfigOpts()
        channel_conf.register_opts(conf)
        groups_conf.register_opts(conf)
        conf([], project='nova-ext-tests', default_config_files=[])
        conf.set_override(
            'local_socket', str(folder / 'channel.sock'), 'nova_ext_channel'
        )
        messaging.conffixture.ConfFixture(conf, 'fake:/')
        conf.set_override('transport_url', 'fake:/')
        for name in ('guest_message_rate', 'guest_queue_messages'):
            conf.set_override(
                name, CONF.nova_ext_groups[name], 'nova_ext_groups'
            )
        relay = relay_process.RelayProcess(conf, host)
        self.relays[host] = relay
        programs.run(self, relay)
        polling.until(lambda: not relay.process.health.problems())

    def start_all(self, *hosts: str) -> None:
        """Start hosts with relays, and two copies of the service."""
        self.start_hosts(*hosts)
        self.start_copy('copy1')
        self.start_copy('copy2')
        for host in hosts:
            self.start_relay(host)

    def group(self, name: str = 'group') -> str:
        """Make a server group; return its id."""
        made = self.admin_api.post_server_groups(
            {'name': name, 'policy': GROUP_POLICY}
        )
        return str(made['id'])

    def member(
        self,
        name: str,
        group: str,
        host: str,
        specs: dict[str, str] | None = None,
    ) -> tuple[dict[str, Any], Guest]:
        """Boot a server in a group; return it and its guest."""
        if specs is None:
            specs = {'sw:wrs:srv_grp_messaging': 'true'}
        flavor = self._create_flavor(
            vcpu=2,
            memory_mb=64,
            disk=1,
            ephemeral=0,
            extra_spec={'hw:cpu_policy': 'dedicated', **specs},
        )
        body = self._build_server(
            name=name, flavor_id=flavor, networks='none', host=host
        )
        server = self.admin_api.post_server(
            {'server': body, 'os:scheduler_hints': {'group': group}}
        )
        server = self._wait_for_state_change(server, 'ACTIVE')
        return server, self.guest_on(host, self.instance(server['id']).name)

    def guest_on(self, host: str, name: str) -> Guest:
        """Make the guest's end of the channel of an instance on a host."""
        qemu = fakes.FakeQemu(self.folder / host, name)
        self.addCleanup(qemu.close)
        qemu.connection.settimeout(20)
        return Guest(qemu)
