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
"""Values for people and for programs."""

from nova_ext.client import format

STEPS = [
    {'direction': 'up', 'vcpu': 1, 'pcpu': 5},
    {'direction': 'up', 'vcpu': 2, 'pcpu': None},
    {'direction': 'down', 'vcpu': None, 'pcpu': None},
]
BLOCKERS = [
    {'reason': 'It is locked.', 'remedy': 'Unlock it.'},
    {'reason': 'It is busy.', 'remedy': 'Wait.'},
]


def test_cpus() -> None:
    assert format.Cpus([0, 2, 3]).human_readable() == '0,2-3'
    assert format.Cpus([]).human_readable() == ''
    assert format.Cpus([0, 2, 3]).machine_readable() == [0, 2, 3]


def test_lines() -> None:
    assert format.Lines([]).human_readable() == ''
    assert format.Lines(['a.', 'b.']).human_readable() == 'a.\nb.'
    assert format.Lines(['a.', 'b.']).machine_readable() == ['a.', 'b.']


def test_steps() -> None:
    assert format.Steps(STEPS).human_readable() == (
        'up vCPU 1 on pCPU 5\nup vCPU 2\ndown'
    )
    assert format.Steps(STEPS).machine_readable() == STEPS


def test_blockers() -> None:
    assert format.Blockers(BLOCKERS).human_readable() == (
        'It is locked.\n-> Unlock it.\nIt is busy.\n-> Wait.'
    )
    assert format.Blockers(BLOCKERS).machine_readable() == BLOCKERS
