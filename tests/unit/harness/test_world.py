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
"""Hosts and servers of the harness are what they seem."""

from nova_ext import testing


def test_a_host() -> None:
    host = testing.a_host(cells=2, pcpus=4, local_gb=7)
    assert host.dedicated == set(range(8))
    assert host.resources['local_gb'] == 7


def test_a_scaled_server() -> None:
    server = testing.a_server(3, first_pcpu=4, offline=[2], realtime=[1, 2])
    assert server.cells[0].pins == {0: 4, 1: 5, 2: 4}
    assert (server.current, server.realtime_cores) == (2, 1)


def test_a_request_has_no_place() -> None:
    request = testing.a_request(testing.a_server(3, offline=[2]))
    assert (request.cells, request.current, request.cores) == ((), 3, 3)
