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
"""The check of idle states, by the table."""

import pathlib

import pytest

from nova_ext.hostcheck import findings
from nova_ext.hostcheck import idle
from tests.unit.hostcheck import fakes


@pytest.mark.parametrize(
    'case', fakes.cases_of(idle.CHECKS), ids=fakes.name_of
)
def test_check(tmp_path: pathlib.Path, case: fakes.Case) -> None:
    fakes.verify(idle.CHECKS, tmp_path, case)


@pytest.mark.parametrize(
    'demand, result', [(0, 'passed'), (10, 'passed'), (11, 'warning')]
)
def test_a_demand_for_all_cpus(
    tmp_path: pathlib.Path, demand: int, result: str
) -> None:
    deep = 'sys/devices/system/cpu/cpu3/cpuidle/state3/latency'
    seen = fakes.make(tmp_path, {'files': {deep: '170'}})
    path = tmp_path / 'dev/cpu_dma_latency'
    path.write_bytes(demand.to_bytes(4, 'little', signed=True))
    (check,) = idle.CHECKS
    assert findings.find(check, seen).result.value == result
