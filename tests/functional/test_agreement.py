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
"""The comparison of all sources names what disagrees, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from tests.functional import agreement
from tests.functional import vectors


def _set(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


PINS = {0: 4, 1: 5, 2: 4}
PROCESS = agreement.ProcessState(
    pins={vcpu: _set(pcpu) for vcpu, pcpu in PINS.items()},
    affinities={vcpu: _set(pcpu) for vcpu, pcpu in PINS.items()},
    realtime=_set(1),
    emulator=_set(4),
    guest_online=_set(0, 1),
)
SERVER = agreement.ServerState(
    name='a',
    uuid='uuid-a',
    host='h',
    minimum=1,
    maximum=3,
    realtime=_set(1, 2),
    cells=(_set(0, 1, 2),),
    pins=PINS,
    cores=_set(4, 5),
    extra_cores=0,
    vcpus=3,
    memory_mb=512,
    offline=_set(2),
    journal='',
    task_state=None,
    allocated=2,
    config_pins={vcpu: _set(pcpu) for vcpu, pcpu in PINS.items()},
    config_realtime=_set(1),
    config_emulator={'emulator': _set(4), 'I/O thread 1': _set(4)},
    emulator=_set(),
    process=PROCESS,
)
OTHER = replace(
    SERVER,
    name='b',
    uuid='uuid-b',
    maximum=1,
    realtime=_set(),
    cells=(_set(0),),
    pins={0: 6},
    cores=_set(6),
    vcpus=1,
    offline=_set(),
    allocated=1,
    config_pins={0: _set(6)},
    config_realtime=_set(),
    config_emulator={'emulator': _set(6)},
    process=None,
)
HOST = agreement.HostState(
    'h',
    tracked=_set(4, 5, 6),
    saved=_set(4, 5, 6),
    allocated={'uuid-a': 2, 'uuid-b': 1},
    domains=frozenset({'uuid-a', 'uuid-b'}),
    vcpus=(4, 4),
    memory_mb=(1024, 1024),
    usage={},
)


def test_all_is_well() -> None:
    assert agreement.disagreements([HOST], [SERVER, OTHER]) == []


def _value(found: Any) -> Any:
    """Turn what YAML can say into what the states hold."""
    if isinstance(found, list):
        return frozenset(found)
    if isinstance(found, str) and found.startswith('('):
        return tuple(int(number) for number in found.strip('()').split(','))
    if isinstance(found, dict):
        return {key: _value(value) for key, value in found.items()}
    return found


@pytest.mark.parametrize('case', vectors.load('functional_agreement', 'bad'))
def test_what_disagrees_is_named(case: dict[str, Any]) -> None:
    changes = {key: _value(case[key]) for key in case if key != 'says'}
    host, server = HOST, SERVER
    for key, value in changes.items():
        room, _, field = key.partition('.')
        if room == 'host':
            host = replace(host, **{field: value})
        elif room == 'server':
            server = replace(server, **{field: value})
        else:
            assert server.process
            process = replace(server.process, **{field: value})
            server = replace(server, process=process)
    said = agreement.disagreements([host], [server, OTHER])
    assert said == case['says']


def test_an_open_journal_may_be_allowed() -> None:
    server = replace(SERVER, journal='open')
    said = agreement.disagreements([HOST], [server, OTHER], journals=True)
    assert said == []


def test_full_accounting_charges_the_maximum() -> None:
    assert agreement.disagreements([HOST], [SERVER, OTHER], 'full') == [
        'server a: placement has 2, 2 are online and 0 are extra'
    ]
    server = replace(SERVER, allocated=3)
    host = replace(HOST, allocated={'uuid-a': 3, 'uuid-b': 1})
    assert agreement.disagreements([host], [server, OTHER], 'full') == []


def test_a_move_that_is_not_confirmed_keeps_its_old_cores() -> None:
    kept = agreement.KeptState(
        'a before', 'uuid-a', 'migration', 'h', _set(7), 1, 1, 256
    )
    assert agreement.disagreements([HOST], [SERVER, OTHER], kept=[kept]) == [
        'host h: core 7 of a before is free for the tracker',
        'host h: core 7 of a before is free for the database',
        'host h: placement has 0 for consumer migration, not 1',
        'host h: vcpus_used of the tracker is 4, its servers have 5',
        'host h: vcpus_used of the database is 4, its servers have 5',
        'host h: memory_mb_used of the tracker is 1024, its servers have 1280',
        'host h: memory_mb_used of the database is 1024, its servers have '
        '1280',
    ]
    host = replace(
        HOST,
        tracked=HOST.tracked | {7},
        saved=HOST.saved | {7},
        allocated={**HOST.allocated, 'migration': 1},
        vcpus=(5, 5),
        memory_mb=(1280, 1280),
    )
    assert agreement.disagreements([host], [SERVER, OTHER], kept=[kept]) == []


def test_differences_name_the_field() -> None:
    after = replace(HOST, tracked=_set(4))
    assert agreement.differences([HOST], [HOST]) == []
    (said,) = agreement.differences([HOST], [after])
    assert said.startswith('h: tracked was ')
