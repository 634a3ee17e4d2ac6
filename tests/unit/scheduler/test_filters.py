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
"""Hosts are read by the first filter and refused by the second."""

import logging

import pytest

from nova_ext.scheduler import filters
from tests.unit.scheduler import fakes

REBUILD = {'_nova_check_type': ['rebuild']}


@pytest.fixture
def hosts():
    return [fakes.host(), fakes.host('host2', compute_unit_used='7')]


def test_hosts_that_do_not_fit(config, hosts, caplog):
    caplog.set_level(logging.DEBUG, 'nova_ext.scheduler.filters')
    spec = fakes.spec()
    found = filters.ResourceConsumerFilter().filter_all(hosts, spec)
    assert found == hosts
    assert filters.ResourceFitFilter().filter_all(hosts, spec) == hosts[:1]
    assert (
        'got 1, wanted 2 of compute_unit_total - compute_unit_used'
        in caplog.text
    )


def test_the_fit_filter_alone_reads_too(config, hosts):
    found = filters.ResourceFitFilter().filter_all(hosts, fakes.spec())
    assert found == hosts[:1]


def test_a_rebuild_passes(config, hosts):
    spec = fakes.spec(hints=REBUILD)
    for kind in filters.all_filters():
        assert kind().filter_all(hosts, spec) is hosts


def test_without_consumers_nothing_is_touched(config, hosts):
    config.config(scheduler_consumers=[])
    before = [dict(vars(host)) for host in hosts]
    for kind in filters.all_filters():
        assert kind().filter_all(hosts, fakes.spec()) is hosts
    assert [vars(host) for host in hosts] == before


def test_hosts_are_read_once_and_fitted_for_each_server(config):
    assert filters.ResourceConsumerFilter().run_filter_for_index(0)
    assert not filters.ResourceConsumerFilter().run_filter_for_index(1)
    assert filters.ResourceFitFilter().run_filter_for_index(1)


def test_a_request_for_nothing_passes(config, hosts):
    spec = fakes.spec('0')
    assert filters.ResourceFitFilter().filter_all(hosts, spec) == hosts
