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
"""The best host has the most free units."""

from nova.scheduler import weights as nova_weights

from nova_ext.scheduler import weights
from tests.unit.scheduler import fakes

USED = ('7', '0.5', '4')


def weighed(spec=None):
    hosts = [
        fakes.host('host%s' % index, compute_unit_used=used)
        for index, used in enumerate(USED)
    ]
    found = nova_weights.HostWeightHandler().get_weighed_objects(
        [weights.ResourceWeigher()], hosts, spec or fakes.spec()
    )
    return [(each.obj.host, round(each.weight, 3)) for each in found]


def test_spread(config):
    assert weighed() == [('host1', 1.0), ('host2', 0.462), ('host0', 0.0)]


def test_packed(config):
    config.config(weight_multiplier=-3.0, group='nova_ext_compute_unit')
    assert [host for host, _ in weighed()] == ['host0', 'host2', 'host1']


def test_without_consumers(config):
    config.config(scheduler_consumers=[])
    assert {weight for _, weight in weighed()} == {0.0}


def test_one_host(config):
    assert weights.ResourceWeigher()._weigh_object(fakes.host(), None) == 0.0
