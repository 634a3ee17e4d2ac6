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
"""Each kind of disagreement is found, and named with its server."""

import dataclasses

import pytest

from nova_ext.model.record import Journal
from nova_ext.model.record import ScaleRecord
from tests.lab import agreement
from tests.lab import probes

A = probes.ServerView(
    name='A',
    online=frozenset({0}),
    threads=(
        probes.Thread(0, frozenset({0}), 'OTHER'),
        probes.Thread(1, frozenset({0}), 'OTHER'),
    ),
    pins={0: 0, 1: 0},
    allocation=1,
    record=ScaleRecord(frozenset({1})),
    live={0: frozenset({0}), 1: frozenset({0})},
    stored={0: frozenset({0}), 1: frozenset({0})},
)
B = probes.ServerView(
    name='B',
    online=frozenset({0}),
    threads=(probes.Thread(0, frozenset({1}), 'FIFO 1'),),
    pins={0: 1},
    allocation=1,
    live={0: frozenset({1})},
    stored={0: frozenset({1})},
)


def problems(
    a: probes.ServerView = A,
    b: probes.ServerView = B,
    pinned: frozenset[int] = frozenset({0, 1}),
) -> list[str]:
    return agreement.problems(probes.HostView((0, 1), pinned, (a, b)))


def test_agreement() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    'change, text',
    [
        ({'allocation': 2}, 'A: placement has PCPU 2'),
        ({'online': frozenset({0, 1})}, 'A: 2 online vCPUs run on cores [0]'),
        ({'pins': {0: 0, 1: 1}}, 'A: vCPU 1 runs on [0], Nova says 1'),
        (
            {'record': ScaleRecord(frozenset({1}), Journal('down'))},
            'A: the journal is open: ',
        ),
        ({'record': ScaleRecord()}, 'A: the record has [] offline, the guest'),
        (
            {'live': {0: frozenset({0}), 1: frozenset({0, 1})}},
            'A: libvirt pins vCPU 1 now to [0, 1], Nova to 0',
        ),
        ({'stored': {}}, 'A: libvirt pins vCPU 0 next to [], Nova to 0'),
        (
            {
                'threads': (
                    A.threads[0],
                    probes.Thread(1, frozenset({0}), 'FIFO 1'),
                )
            },
            'A: the parked vCPU 1 is FIFO 1',
        ),
        (
            {
                'threads': (
                    A.threads[0],
                    probes.Thread(1, frozenset({1}), 'OTHER'),
                )
            },
            'A: the parked vCPU 1 keeps [1]',
        ),
    ],
)
def test_a_server_that_disagrees(change: dict[str, object], text: str) -> None:
    found = problems(a=dataclasses.replace(A, **change))
    assert any(one.startswith(text) for one in found), found


def test_a_core_with_two_owners() -> None:
    thread = probes.Thread(0, frozenset({0}), 'OTHER')
    b = dataclasses.replace(B, threads=(thread,), pins={0: 0})
    assert 'core 0 belongs to A and B' in problems(b=b)


def test_a_lost_core() -> None:
    assert problems(pinned=frozenset({0, 1, 2})) == [
        'Nova counts [0, 1, 2] as taken, the guests run on [0, 1]'
    ]
