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
from nova_ext.channel import tally


def test_tallies_add_up() -> None:
    total = tally.Tally()
    for _ in range(2):
        one = tally.Tally()
        one.to_program.messages = 3
        one.to_program.bytes = 100
        one.to_guest.drop(tally.EXPIRED, 2)
        one.to_guest.drop(tally.GUEST_FULL)
        one.to_guest.drop(tally.GUEST_GONE, 0)
        one.rests = 1
        total.add(one)
    assert (total.to_program.messages, total.to_program.bytes) == (6, 200)
    assert total.to_guest.dropped == {'expired': 4, 'guest_full': 2}
    assert total.rests == 2
