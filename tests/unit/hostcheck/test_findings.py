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
"""What blocks a host, and what is only worth a remark."""

import pathlib

import pytest

from nova_ext.hostcheck import files
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import host
from tests.unit.hostcheck import fakes

Result = findings.Result


def check(look: object = None, required: bool = True) -> findings.Check:
    return findings.Check('name', 'Title', 'w', 'y', 'f', look, required)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    'result, required, accepted, blocks, remarkable',
    [
        (Result.PASSED, True, False, False, False),
        (Result.WARNING, True, False, False, True),
        (Result.FAILED, True, False, True, True),
        (Result.FAILED, False, False, True, True),
        (Result.UNKNOWN, True, False, True, True),
        (Result.UNKNOWN, False, False, False, True),
        (Result.FAILED, True, True, False, False),
        (Result.UNKNOWN, True, True, False, False),
        (Result.WARNING, True, True, False, False),
    ],
)
def test_what_counts(
    result: findings.Result,
    required: bool,
    accepted: bool,
    blocks: bool,
    remarkable: bool,
) -> None:
    finding = findings.Finding(
        check(required=required), result, 'found', accepted
    )
    assert finding.blocks == blocks
    assert finding.remarkable == remarkable


@pytest.mark.parametrize(
    'error, found',
    [
        (files.Unreadable('/a: No such file'), 'unknown, /a: No such file'),
        (ValueError('x'), 'unknown, unexpected content: x'),
    ],
)
def test_a_fact_that_cannot_be_read(
    tmp_path: pathlib.Path, error: Exception, found: str
) -> None:
    def look(seen: host.Host) -> findings.Observation:
        raise error

    finding = findings.find(check(look), fakes.make(tmp_path, {}), True)
    assert finding.result is Result.UNKNOWN
    assert finding.found == found
    assert finding.accepted
