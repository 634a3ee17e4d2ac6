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
"""Guests of one server group talk, over two hosts and two copies."""

import json
import time

from nova import context
from nova import objects

from nova_ext.conf import CONF
from nova_ext.groups import members
from nova_ext.groups import payload
from nova_ext.wire import server_group
from tests.functional import groups
from tests.functional.fakes import programs
from tests.unit import polling


class GroupsTest(groups.GroupsTestBase):
    """Three guests of a group, one of them alone on its host."""

    def setUp(self) -> None:
        super().setUp()
        self.start_all('host1', 'host2')
        self.group_id = group = self.group()
        self.one, self.guest1 = self.member('one', group, 'host1')
        self.two, self.guest2 = self.member('two', group, 'host1')
        self.three, self.guest3 = self.member('three', group, 'host2')
        for guest in (self.guest1, self.guest2, self.guest3):
            guest.events()

    def test_each_broadcast_reaches_every_other_guest_once(self) -> None:
        texts = ['text %d "é"/' % number for number in range(10)]
        for text in texts:
            self.guest1.say(
                {'version': 2, 'msg_type': 'broadcast', 'data': text}
            )
        expected = [
            {
                'version': 2,
                'msg_type': 'broadcast',
                'source_instance': self.instance(self.one['id']).name,
                'data': text,
            }
            for text in texts
        ]
        last = expected[-1]
        for guest in (self.guest2, self.guest3):
            heard = guest.hears(lambda data: data == last)
            told = [one for one in heard if one['msg_type'] == 'broadcast']
            self.assertEqual(expected, told)
        for guest in (self.guest1, self.guest2, self.guest3):
            self.assertEqual([], guest.broadcasts())

    def test_a_status_query_is_answered_to_its_end(self) -> None:
        for seq, guest in ((1, self.guest1), (3, self.guest3)):
            servers = guest.status(seq)
            self.assertEqual(
                {self.one['id'], self.two['id'], self.three['id']},
                {server['instance_id'] for server in servers},
            )
            for server in servers:
                self.assertEqual(payload.STATUS_KEYS, tuple(server))
                self.assertEqual('active', server['state'])
                self.assertEqual(2, server['vcpus'])
                self.assertNotIn(server['host'], ('host1', 'host2'))
        # Where servers are together can be seen, as in the compute API.
        hosts = {one['display_name']: one['host'] for one in servers}
        self.assertEqual(hosts['one'], hosts['two'])
        self.assertNotEqual(hosts['one'], hosts['three'])
        shown = self.api.get_server(self.three['id'])
        self.assertEqual(shown['hostId'], hosts['three'])

    def test_what_happens_to_a_server_is_told_to_the_others(self) -> None:
        self.api.post_server_action(self.one['id'], {'pause': None})
        self._wait_for_state_change(self.one, 'PAUSED')
        last = 'compute.instance.pause.end'
        for guest in (self.guest2, self.guest3):
            heard = guest.hears_until(
                'compute.instance.pause.start', 'compute.instance.update', last
            )
            types = [one['event_type'] for one in heard]
            self.assertEqual(len(heard), len({str(one) for one in heard}))
            told = heard[types.index(last)]['payload']
            self.assertEqual(self.one['id'], told['instance_id'])
            self.assertEqual('paused', told['state'])
            self.assertLess(set(payload.STATUS_KEYS), {*told, 'x'})
            self.assertNotIn('host1', json.dumps(told))
        self.assertNotIn(self.one['id'], json.dumps(self.guest1.events()))

    def test_a_deleted_server_is_told_of_and_gone(self) -> None:
        self.api.delete_server(self.one['id'])
        self._wait_until_deleted(self.one)
        for guest in (self.guest2, self.guest3):
            heard = guest.hears_until('compute.instance.delete.end')
            told = heard[-1]['payload']
            self.assertEqual('deleted', told['state'])
            # The records of a deleted server can still be read.
            self.assertIsNotNone(told['instance_type_id'])
            self.assertIn('disk_format', told['image_meta'])
            servers = guest.status()
            self.assertEqual(
                ['three', 'two'],
                sorted(server['display_name'] for server in servers),
            )
        # The guest may still be up for a moment: it gets an end.
        self.assertEqual([], self.guest1.status())

    def test_a_server_that_moves_is_reached_where_it_is(self) -> None:
        self.guest1.say(server_group.broadcast('before'))
        for guest in (self.guest2, self.guest3):
            guest.hears(lambda data: data.get('data') == 'before')
        self.admin_api.post_server_action(
            self.three['id'], {'migrate': {'host': 'host1'}}
        )
        self._wait_for_state_change(self.three, 'VERIFY_RESIZE')
        moved = self.guest_on('host1', self.instance(self.three['id']).name)
        self.guest2.hears_until('compute.instance.finish_resize.end')
        # Its notification has been told, so its new place is known.
        moved.events()
        self.guest1.say(server_group.broadcast('after'))
        moved.hears(lambda data: data.get('data') == 'after')

    def test_a_guest_speaks_where_a_live_migration_brings_it(self) -> None:
        """On its new host before Nova says that it is there."""
        uuid = self.three['id']
        name = self.instance(uuid).name
        records = members.NovaMembership()
        self.assertIsNone(records.server_at('host1', name))
        objects.Migration(
            context.get_admin_context(),
            instance_uuid=uuid,
            migration_type='live-migration',
            source_compute='host2',
            dest_compute='host1',
            status='running',
        ).create()
        self.assertEqual(uuid, records.server_at('host1', name))
        there = self.guest_on('host1', name)
        self.assertEqual(3, len(there.status()))

    def test_a_deleted_group_falls_silent(self) -> None:
        self.admin_api.api_delete('/os-server-groups/%s' % self.group_id)
        polling.until(lambda: self.guest1.status() == [])
        self.guest1.say(server_group.broadcast('anybody?'))
        answer = self.guest1.hears(lambda data: data['msg_type'] == 'nack')
        self.assertEqual('broadcast', answer[-1]['orig_msg_type'])
        self.assertEqual([], self.guest2.broadcasts())

    def test_what_is_wrong_is_nacked_and_stops_nothing(self) -> None:
        for data in ({'msg_type': 'bogus', 'version': 2}, {'version': 1}, 7):
            self.guest1.say(data)
        self.guest1.hears(lambda data: data['msg_type'] == 'nack')
        self.assertEqual(3, len(self.guest1.status()))

    def test_one_guest_that_floods_delays_no_other(self) -> None:
        began = time.monotonic()
        for number in range(2000):
            self.guest1.say(server_group.broadcast('flood %d' % number))
        self.guest2.say(server_group.broadcast('quiet'))
        heard = self.guest3.hears(lambda data: data.get('data') == 'quiet')
        floods = [
            data for data in heard if str(data.get('data')).startswith('flood')
        ]
        # A second's worth at once, and what the rate has allowed since.
        rate = CONF.nova_ext_groups.guest_message_rate
        seconds = time.monotonic() - began
        self.assertLessEqual(len(floods), rate * (1 + seconds) + 1)
        registry = self.relays['host1'].registry

        def lost() -> float:
            found = registry.get_sample_value(
                'nova_ext_groups_relay_lost_total',
                {'reason': 'guest sends too much'},
            )
            return found or 0.0

        polling.until(lambda: lost() > 1000)

    def test_a_copy_that_ends_is_not_missed(self) -> None:
        programs.end(self.copies[0], self.copy_threads[0])
        for number in range(6):
            self.guest1.say(server_group.broadcast('text %d' % number))
        for guest in (self.guest2, self.guest3):
            heard = guest.hears(lambda data: data.get('data') == 'text 5')
            told = [
                one['data'] for one in heard if one['msg_type'] == 'broadcast'
            ]
            self.assertEqual(['text %d' % n for n in range(6)], told)


class StrangersTest(groups.GroupsTestBase):
    """Who is not to be spoken to."""

    def setUp(self) -> None:
        super().setUp()
        self.start_all('host1')
        self.group_id = self.group()
        self.one, self.guest1 = self.member('one', self.group_id, 'host1')

    def test_a_flavor_without_messaging(self) -> None:
        _, mute = self.member(
            'mute', self.group_id, 'host1', {'hw:wrs:min_vcpus': '1'}
        )
        self.guest1.events()
        self.guest1.say(server_group.broadcast('hello'))
        # It shows in the status, but neither hears nor speaks.
        self.assertEqual(2, len(self.guest1.status()))
        mute.say(server_group.broadcast('hello'))
        mute.hears(lambda data: data['msg_type'] == 'nack')
        self.assertEqual([], self.guest1.broadcasts())

    def test_another_group(self) -> None:
        _, other = self.member('other', self.group('second'), 'host1')
        self.guest1.events()
        other.events()
        self.guest1.say(server_group.broadcast('hello'))
        names = [one['display_name'] for one in self.guest1.status()]
        self.assertEqual(['one'], names)
        self.assertEqual([], other.events())

    def test_a_scaled_server_is_told_of(self) -> None:
        specs = {'hw:wrs:min_vcpus': '1', 'wrs:srv_grp_messaging': 'True'}
        server, _ = self.member('two', self.group_id, 'host1', specs)
        self.assertEqual((202, ''), self.scale(server, 'down'))
        wanted = {
            'compute.instance.scale.start': 2,
            'compute.instance.scale.end': 1,
        }
        heard = self.guest1.hears_until(*wanted)
        counts = [
            (one['event_type'], one['payload']['online_vcpus'])
            for one in heard
            if '.scale.' in one['event_type']
        ]
        self.assertCountEqual(wanted.items(), counts)
        self.guest(server).refuses('up')
        self.assertEqual(400, self.scale(server, 'up')[0])
        heard = self.guest1.hears_until('compute.instance.scale.error')
        self.assertEqual('GuestRefused', heard[-1]['payload']['exception'])
