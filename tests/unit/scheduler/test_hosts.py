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
"""The seam to HostState."""

from nova.scheduler import host_manager

from nova_ext.scheduler import hosts as seam
from tests.unit.scheduler import fakes


def test_a_decision_is_seen_by_the_next(config):
    hosts, host, spec = seam.shared(), fakes.host(), fakes.spec('3')
    hosts.read([host])
    for count in (1, 2):
        fit, refused = hosts.fitting([host], hosts.request(spec))
        assert (fit, refused) == ([host], []) if count == 1 else refused
        host.consume_from_request(spec)
        # Nova's own accounting goes on.
        assert host.num_instances == count


def test_a_host_is_read_once_a_request(config):
    hosts, host = seam.shared(), fakes.host()
    hosts.read([host])
    host.stats = {}
    hosts.read([host])
    assert hosts.fitting([host], hosts.request(fakes.spec()))[0] == [host]


def test_no_class_is_changed(config):
    before = vars(host_manager.HostState).copy()
    watched, other = fakes.host(), fakes.host('host2')
    seam.shared().read([watched])
    assert isinstance(watched, fakes.HostState)
    assert type(other) is fakes.HostState
    assert dict(vars(host_manager.HostState)) == before


def test_a_host_without_stats(config):
    hosts, host = seam.shared(), fakes.host()
    del host.stats
    hosts.read([host])
    assert hosts.weigh([host]) == [0.0]


def test_one_for_the_whole_process(config):
    assert seam.shared() is seam.shared()
    assert seam.shared().watched
    config.config(scheduler_consumers=[])
    assert not seam.shared().watched


def test_a_request_is_taken_up_once(config):
    spec = fakes.spec()
    assert seam.shared().request(spec) is seam.shared().request(spec)
