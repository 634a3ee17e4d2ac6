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
"""What is compared of a cut-off move names what is wrong, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from tests.functional import test_agreement
from tests.functional.agreement import HostState
from tests.functional.crash import unfinished

#: One beside on core 6; the server itself has 4 and 5 here and claims 1 to 3
#: on the other host.
BESIDE = test_agreement.OTHER
HERE = replace(test_agreement.HOST, allocated={'move': 2, 'uuid-b': 1})
THERE = replace(
    HERE,
    name='there',
    tracked=frozenset({1, 2, 3}),
    saved=frozenset({1, 2, 3}),
    allocated={'uuid-a': 3},
)
MOVING = unfinished.Moving(
    host='h',
    cores={'h': frozenset({4, 5}), 'there': frozenset({1, 2, 3})},
    consumers=frozenset({'uuid-a', 'move'}),
    reserved=4,
    is_open=True,
    is_lost=False,
)
NOTHING: dict[str, Any] = {'tracked': frozenset(), 'saved': frozenset()}


def said(moving: dict[str, Any], **there: Any) -> list[str]:
    hosts: list[HostState] = [HERE, replace(THERE, **there)]
    return list(
        unfinished.disagreements(hosts, [BESIDE], replace(MOVING, **moving))
    )


def test_an_open_move_may_have_its_claim() -> None:
    assert said({}) == []
    # What the scheduler has reserved, before it is claimed.
    assert said({}, **NOTHING, allocated={'uuid-a': 4}) == []
    assert said({'is_open': False}, **NOTHING, allocated={}) == []


@pytest.mark.parametrize(
    ('moving', 'there', 'wanted'),
    [
        ({'is_lost': True}, {}, 'the guest does not run'),
        (
            {'is_open': False},
            {},
            'host there: the tracker counts [1, 2, 3], not [] of others and '
            'one of [[]]',
        ),
        (
            {},
            {'tracked': frozenset({1, 2})},
            'host there: the tracker counts [1, 2], not [] of others and one '
            'of [[], [1, 2, 3]]',
        ),
        ({}, {'saved': frozenset()}, 'host there: the database has []'),
        (
            {},
            {'allocated': {'uuid-a': 2}},
            'host there: placement has 2 of the move, [3, 4] are right',
        ),
        (
            {},
            {'allocated': {'uuid-a': 3, 'gone': 1}},
            "host there: placement has {'gone': 1}",
        ),
        (
            {'cores': {'h': frozenset({4, 5, 6})}},
            {},
            'host h: cores {6} have two owners',
        ),
    ],
)
def test_what_is_wrong_is_named(
    moving: dict[str, Any], there: dict[str, Any], wanted: str
) -> None:
    assert wanted in said(moving, **there)
