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

from tests.functional import groups


class GroupsTest(groups.GroupsTestBase):
    """Three guests of a group, one of them alone on its host."""

    def setUp(self) -> None:
        super().setUp()
        self.start_all('host1', 'host2')
        group = self.group()
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
        for guest in (self.guest2, self.guest3):
            self.assertEqual(expected, [guest.hear() for _ in texts])
        for guest in (self.guest1, self.guest2, self.guest3):
            self.assertEqual([], guest.events())
