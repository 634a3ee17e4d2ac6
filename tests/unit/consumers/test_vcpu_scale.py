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
"""The consumer mirrors its other half, and stands bad stats."""

from nova_ext import testing
from nova_ext.consumers.vcpu_scale import VcpuScale
from nova_ext.resources import vcpu_scale
from tests.unit import builtin


def written() -> dict[str, str]:
    return builtin.stats_of_empty_host(vcpu_scale.VcpuScale())


def test_both_halves_count_alike() -> None:
    testing.check_halves(
        vcpu_scale.VcpuScale, VcpuScale, testing.a_host(), builtin.SERVERS
    )


def test_requests() -> None:
    testing.check_consumer(VcpuScale, written(), builtin.SERVERS)


def test_the_multiplier_is_an_option() -> None:
    assert VcpuScale().weight_multiplier() == 1.0


def test_room_for_scale_up_weighs() -> None:
    consumer = VcpuScale()
    stats = {**written(), 'vcpu_scale_free': '9', 'vcpu_scale_promised': '4'}
    assert consumer.weigh(consumer.read(stats)) == 5.0


def test_room_that_is_kept() -> None:
    consumer = VcpuScale()
    stats = {**written(), 'vcpu_scale_free': '9', 'vcpu_scale_promised': '4'}
    state = consumer.read(stats)
    request = testing.a_request(testing.a_server(6))
    wanted = consumer.wanted(request)
    assert wanted is not None and consumer.fits(state, wanted) is None
    assert consumer.fits(state, wanted._replace(percent=75)) is None
    assert consumer.fits(state, wanted._replace(percent=76)) == (
        'vcpu_scale_free - 76% of vcpu_scale_promised',
        5,
        6,
    )
