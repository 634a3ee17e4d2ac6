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
"""Distributions of latencies, as cyclictest prints them."""

from tests.perf import latencies

SHOWN = {
    'file_version': 1,
    'thread': {
        '0': {
            'histogram': {'5': 90, '7': 9, '100': 1},
            'cycles': 100,
            'min': 5,
            'max': 100,
            'avg': 6.13,
            'cpu': 1,
            'node': 0,
        }
    },
}


def test_one_run() -> None:
    found = latencies.parse(SHOWN)
    assert found.count == 100
    assert found.mean == 6.13
    assert [found.quantile(share) for share in (50, 90, 99, 99.9)] == [
        *(5, 5, 7, 100)
    ]
    assert found.worst == 100


def test_several_runs() -> None:
    other = latencies.Latencies({5: 10, 300: 1}, 2000)
    found = latencies.add([latencies.parse(SHOWN), other])
    assert found.histogram == {5: 100, 7: 9, 100: 1, 300: 1}
    assert found.worst == 2000
    assert found.quantile(100) == 300
