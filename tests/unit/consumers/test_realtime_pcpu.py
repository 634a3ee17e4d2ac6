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
from nova_ext.consumers.realtime_pcpu import RealtimePcpu
from nova_ext.resources import realtime_pcpu
from tests.unit import builtin


def test_both_halves_count_alike() -> None:
    testing.check_halves(
        realtime_pcpu.RealtimePcpu,
        RealtimePcpu,
        testing.a_host(),
        builtin.SERVERS,
    )


def test_requests() -> None:
    written = builtin.stats_of_empty_host(realtime_pcpu.RealtimePcpu())
    testing.check_consumer(RealtimePcpu, written, builtin.SERVERS)


def test_the_multiplier_is_an_option() -> None:
    assert RealtimePcpu().weight_multiplier() == 1.0
