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
"""The example's own tests: all that such a package needs."""

from nova_licences.consumer import LicenceSeats as Consumer
from nova_licences.resource import LicenceSeats as Resource

from nova_ext import testing

HOST = testing.a_host()
SERVERS = [
    testing.a_server(extra_specs={'licence:seats': '1'}),
    testing.a_server(extra_specs={'licence:seats': '1'}, first_pcpu=1),
    testing.a_server(first_pcpu=2),
]
STATS = {'licence_seats_total': '2', 'licence_seats_used': '0'}


def test_resource() -> None:
    testing.check_resource(Resource, HOST, SERVERS)


def test_consumer() -> None:
    testing.check_consumer(Consumer, STATS, SERVERS)


def test_both_halves_count_alike() -> None:
    testing.check_halves(Resource, Consumer, HOST, SERVERS)


def test_a_third_seat() -> None:
    plugin = Resource()
    plugin.reset(HOST)
    for server in SERVERS[:2]:
        assert plugin.test(server, {}) is None
        plugin.add_instance(server)
    assert plugin.test(SERVERS[0], {}) == (
        'licence_seats: free 0 < requested 1'
    )
